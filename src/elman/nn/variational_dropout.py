"""Dropout with one mask for a whole sequence."""

from typing import Any, NamedTuple

import torch.nn.functional as F
from torch import Tensor

from elman.cells import Cell, OuterCell, WrappedCell


class VariationalDropout(OuterCell):
    """A cell whose inputs are dropped in training, with one mask for all time steps of a row.

    Inputs that are kept are scaled by 1 / (1 - rate). Nothing is dropped in evaluation. Each
    call of `unroll` draws a mask, so truncated backpropagation has one for each window. The
    paper's dropout of recurrent connections is `HiddenDropout`, which this can wrap.

    Args:
        cell: any cell.
        rate: probability of dropping an input, in [0, 1).

    Raises:
        ValueError: if the rate lies outside [0, 1).

    Example:
        >>> from elman.cells import LSTMCell
        >>> cell = VariationalDropout(HiddenDropout(LSTMCell(4, 8), 0.25), 0.5)

    Reference:
        Gal & Ghahramani 2016, "A theoretically grounded application of dropout in recurrent
        neural networks", equation 7 with tied weights, the mask of the inputs.
    """

    def __init__(self, cell: Cell[Any], rate: float) -> None:
        super().__init__(cell)
        if not 0.0 <= rate < 1.0:
            raise ValueError(f"VariationalDropout: rate must lie in [0, 1), got {rate}.")
        self.rate = rate

    def enter(self, inputs: Tensor) -> Tensor:
        """Drop the same inputs at all time steps in training; see `OuterCell.enter`."""
        return inputs * _mask(inputs, self.input_size, self.rate, self.training)

    def leave(self, outputs: Tensor, inputs: Tensor) -> Tensor:
        """Return the outputs as they are; see `OuterCell.leave`."""
        return outputs


class HiddenDropoutProjection(NamedTuple):
    """The inner cell's projection beside the mask of the units, the same at each time step."""

    projected: Any
    mask: Tensor


class HiddenDropout(WrappedCell):
    """A cell that reads its state's `hidden` through one mask for all time steps of a row.

    Units that are kept are scaled by 1 / (1 - rate). Nothing is dropped in evaluation.

    Args:
        cell: a cell whose state has a part `hidden` that is read through products only, such as
            `LSTMCell` or `ElmanCell`.
        rate: probability of dropping a unit, in [0, 1).

    Raises:
        ValueError: if the rate lies outside [0, 1), the state has no part `hidden`, or the cell
            or one inside it carries `hidden` over as memory, which the mask would erase.

    Reference:
        Gal & Ghahramani 2016, "A theoretically grounded application of dropout in recurrent
        neural networks", equation 7 with tied weights, the mask of the hidden units.
    """

    def __init__(self, cell: Cell[Any], rate: float) -> None:
        super().__init__(cell)
        name = type(cell).__name__
        if not 0.0 <= rate < 1.0:
            raise ValueError(f"HiddenDropout: rate must lie in [0, 1), got {rate}.")
        if not hasattr(cell.initial_state(1), "hidden"):
            raise ValueError(f"HiddenDropout: the state of {name} has no part named hidden.")
        if any(part.carries_hidden for part in cell.modules() if isinstance(part, Cell)):
            raise ValueError(
                f"HiddenDropout: {name} carries hidden over as memory, which a mask would erase: "
                "use Zoneout."
            )
        self.rate = rate

    def project(self, inputs: Tensor) -> HiddenDropoutProjection:
        """Draw the mask beside the inner cell's projection; see `Cell.project`."""
        width = self.cell.initial_state(1).hidden.shape[-1]
        mask = _mask(inputs, width, self.rate, self.training)
        return HiddenDropoutProjection(
            self.cell.project(inputs), mask.expand(*inputs.shape[:-1], width)
        )

    def step(self, projected: HiddenDropoutProjection, state: Any) -> tuple[Tensor, Any]:
        """Step the inner cell on the masked units; see `Cell.step`."""
        masked = state._replace(hidden=state.hidden * projected.mask)
        return self.cell.step(projected.projected, masked)


def _mask(inputs: Tensor, width: int, rate: float, training: bool) -> Tensor:
    """Draw `[batch, width]` factors, 0 with probability `rate` and 1 / (1 - rate) otherwise."""
    return F.dropout(inputs.new_ones(inputs.shape[-2], width), rate, training)
