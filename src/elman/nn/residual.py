"""A cell with a connection around it."""

from typing import Any

from torch import Tensor

from elman.cells import Cell, OuterCell


class Residual(OuterCell):
    """A cell that adds its input to its output.

    Args:
        cell: a cell whose input and output sizes are equal.

    Raises:
        ValueError: if the sizes differ.

    Reference:
        Wu et al. 2016, "Google's neural machine translation system", section 3.1, equation 6.
    """

    def __init__(self, cell: Cell[Any]) -> None:
        super().__init__(cell)
        if cell.input_size != cell.output_size:
            raise ValueError(
                f"Residual: the input and output sizes of {type(cell).__name__} must be equal, "
                f"got {cell.input_size} and {cell.output_size}."
            )

    def enter(self, inputs: Tensor) -> Tensor:
        """Return the inputs as they are; see `OuterCell.enter`."""
        return inputs

    def leave(self, outputs: Tensor, inputs: Tensor) -> Tensor:
        """Add the inputs; see `OuterCell.leave`."""
        return outputs + inputs
