"""A stack of recurrent layers with a linear readout, for sequences of numbers."""

from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from elman.nn.rnn import RNN, RNNState


class SequenceRegressor(nn.Module):
    r"""A recurrent stack whose outputs are read linearly, at every time step.

    $$ y_t = V h_t + c \quad \text{or} \quad y_t = V [h_t, x_t] + c $$

    With previous outputs among the inputs $x_t$ (teacher forcing) the second form reads those too.
    A target that is not a number (NaN) is none: its step costs nothing.

    Args:
        rnn: the stack.
        output_size: features of each prediction, at least 1.
        sees_input: let the readout see the inputs beside the outputs of the stack.
    """

    def __init__(self, rnn: RNN, output_size: int, *, sees_input: bool = False) -> None:
        super().__init__()
        self.rnn = rnn
        self.sees_input = sees_input
        width = rnn.output_size + (rnn.input_size if sees_input else 0)
        self.readout = nn.Linear(width, output_size)

    def initial_state(self, batch_size: int) -> RNNState:
        """Return the stack's initial state.

        Args:
            batch_size: rows of the batch.

        Returns:
            States by layer and direction.
        """
        return self.rnn.initial_state(batch_size)

    def readout_inputs(
        self, inputs: Float[Tensor, "time batch input"], state: Any
    ) -> tuple[Float[Tensor, "time batch features"], RNNState]:
        """Run the stack over a sequence, up to the readout.

        Args:
            inputs: `[time, batch, input]`.
            state: the state before the first step.

        Returns:
            What the readout reads, and the final state.
        """
        outputs, state = self.rnn(inputs, state)
        return torch.cat([outputs, inputs], dim=-1) if self.sees_input else outputs, state

    def forward(
        self, inputs: Float[Tensor, "time batch input"], state: Any
    ) -> tuple[Float[Tensor, "time batch output"], RNNState]:
        """Predict over a sequence.

        Args:
            inputs: `[time, batch, input]`.
            state: the state before the first step.

        Returns:
            Predictions `[time, batch, output]` and the final state.
        """
        features, state = self.readout_inputs(inputs, state)
        return self.readout(features), state

    def errors(
        self,
        features: Float[Tensor, "time batch output"],
        targets: Float[Tensor, "time batch output"],
        lengths: Int[Tensor, " batch"] | None = None,
    ) -> Float[Tensor, "time batch output"]:
        """Return targets less predictions, zero where there is no target.

        Args:
            features: what `forward` returned.
            targets: what was to be predicted; NaN where nothing was.
            lengths: valid steps of each row; all of them if not given.

        Returns:
            `[time, batch, output]`.
        """
        return torch.where(_counted(targets, lengths), targets - features, 0.0)

    def criterion(
        self,
        features: Float[Tensor, "time batch output"],
        targets: Float[Tensor, "time batch output"],
        lengths: Int[Tensor, " batch"] | None = None,
    ) -> Float[Tensor, ""]:
        """Return the mean squared error a target.

        Args:
            features: what `forward` returned.
            targets: what was to be predicted; NaN where nothing was.
            lengths: valid steps of each row; all of them if not given.

        Returns:
            The mean over all targets; NaN where there is none.
        """
        squares = self.errors(features, targets, lengths).square()
        return squares.sum() / _counted(targets, lengths).sum()


def _counted(targets: Tensor, lengths: Tensor | None) -> Tensor:
    """Return where there is a target, `[time, batch, output]`."""
    counted = ~targets.isnan()
    if lengths is None:
        return counted
    steps = torch.arange(len(targets), device=targets.device).view(-1, 1, 1)
    return counted & (steps < lengths.unsqueeze(-1))
