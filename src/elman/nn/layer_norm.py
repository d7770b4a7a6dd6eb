"""Layer normalisation of a cell's outputs."""

from typing import Any

from torch import Tensor, nn

from elman.cells import Cell, OuterCell


class LayerNorm(OuterCell):
    """A cell whose outputs are normalised over their features, then scaled and shifted.

    The state, and so the recurrence, stays as it is.

    Args:
        cell: any cell.

    Reference:
        Ba, Kiros & Hinton 2016, "Layer normalization", equations 3 and 4, applied to the outputs.
    """

    def __init__(self, cell: Cell[Any]) -> None:
        super().__init__(cell)
        self.norm = nn.LayerNorm(cell.output_size)

    def enter(self, inputs: Tensor) -> Tensor:
        """Return the inputs as they are; see `OuterCell.enter`."""
        return inputs

    def leave(self, outputs: Tensor, inputs: Tensor) -> Tensor:
        """Normalise the outputs; see `OuterCell.leave`."""
        return self.norm(outputs)
