"""Bases of cells that wrap another cell."""

from abc import abstractmethod
from typing import Any, NamedTuple

from torch import Tensor

from elman.cells.base import Cell


class WrappedCell(Cell[Any]):
    """A cell around another cell, with the inner cell's state.

    Args:
        cell: the inner cell, any cell, the user's own too.
    """

    def __init__(self, cell: Cell[Any]) -> None:
        super().__init__(cell.input_size, cell.output_size)
        self.cell = cell

    def initial_state(self, batch_size: int) -> Any:
        """Return the inner cell's initial state; see `Cell.initial_state`."""
        return self.cell.initial_state(batch_size)


class OuterProjection(NamedTuple):
    """The inner cell's projection beside the inputs, which `leave` may need."""

    projected: Any
    inputs: Tensor


class OuterCell(WrappedCell):
    """A wrapper that acts only before and after the inner cell, never inside its recurrence.

    The engine therefore runs the inner cell on its fastest back end, between one `enter` and
    one `leave` for the whole sequence.
    """

    @abstractmethod
    def enter(self, inputs: Tensor) -> Tensor:
        """Change the inputs.

        Args:
            inputs: `[*time, batch, input]`.

        Returns:
            What the inner cell reads, of the same shape.
        """

    @abstractmethod
    def leave(self, outputs: Tensor, inputs: Tensor) -> Tensor:
        """Change the outputs.

        Args:
            outputs: `[*time, batch, output]` of the inner cell.
            inputs: `[*time, batch, input]` as they came to the wrapper.

        Returns:
            The wrapper's outputs, shaped like `outputs`.
        """

    def project(self, inputs: Tensor) -> OuterProjection:
        """Project the changed inputs; see `Cell.project`."""
        return OuterProjection(self.cell.project(self.enter(inputs)), inputs)

    def step(self, projected: OuterProjection, state: Any) -> tuple[Tensor, Any]:
        """Step the inner cell and change its output; see `Cell.step`."""
        outputs, state = self.cell.step(projected.projected, state)
        return self.leave(outputs, projected.inputs), state
