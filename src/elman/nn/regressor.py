"""A recurrent network for sequences of numbers."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from elman.nn.readout_network import ReadoutNetwork


class SequenceRegressor(ReadoutNetwork):
    """A recurrent stack with a linear readout, for sequences of numbers.

    It is made as a `ReadoutNetwork`. A target that is not a number (NaN) is none: its step costs
    nothing.
    """

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
