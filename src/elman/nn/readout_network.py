"""A stack of recurrent layers with a linear readout."""

from typing import Any

import torch
from jaxtyping import Float, Shaped
from torch import Tensor, nn

from elman.nn.rnn import RNN, RNNState


class ReadoutNetwork(nn.Module):
    r"""A recurrent stack whose outputs are read linearly, at every time step.

    $$ y_t = V h_t + c \quad \text{or} \quad y_t = V [h_t, x_t] + c $$

    With previous outputs among the inputs $x_t$ (teacher forcing) the second form reads those too.

    Args:
        rnn: the stack.
        output_size: features of each output, at least 1.
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
        self, inputs: Shaped[Tensor, "time batch *input"], state: Any
    ) -> tuple[Float[Tensor, "time batch output"], RNNState]:
        """Run over a sequence.

        Args:
            inputs: `[time, batch, input]`.
            state: the state before the first step.

        Returns:
            Outputs `[time, batch, output]` and the final state.
        """
        features, state = self.readout_inputs(inputs, state)
        return self.readout(features), state
