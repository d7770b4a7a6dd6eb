"""A cell and its readout in a closed loop: what is read out is fed back."""

from typing import Any, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from elman.cells.base import Cell


class ClosedLoopState(NamedTuple):
    """The inner cell's state and the previous output."""

    inner: Any
    output: Float[Tensor, "batch output"]


class ClosedLoopCell(Cell[ClosedLoopState]):
    r"""A cell that was taught with its wanted outputs as inputs, running on its own ones.

    $$ s_t = \mathrm{step}([x_t, y_{t-1}], s_{t-1}), \quad y_t = V h_t + c $$

    where $s$ is the inner cell's state and $h$ its output. A readout of more features reads
    $[h_t, x_t, y_{t-1}]$ in place of $h_t$.

    Args:
        cell: the inner cell, whose last input features are the previous output; at least one
            feature more comes from outside.
        readout: the map $V, c$ from `cell.output_size` features, or `cell.input_size` more, to
            the output.

    Raises:
        ValueError: if the readout fits neither the cell's outputs nor its inputs.

    Example:
        >>> from elman.cells import EchoStateCell
        >>> reservoir = EchoStateCell(2, 100, feedback_size=1)
        >>> generator = ClosedLoopCell(reservoir, nn.Linear(100, 1))
        >>> generator.input_size, generator.output_size
        (1, 1)
    """

    def __init__(self, cell: Cell[Any], readout: nn.Linear) -> None:
        if readout.in_features not in (cell.output_size, cell.output_size + cell.input_size):
            raise ValueError(
                f"ClosedLoopCell: the readout must read {cell.output_size} outputs of the cell, "
                f"or {cell.output_size + cell.input_size} outputs and inputs, "
                f"got {readout.in_features}."
            )
        super().__init__(cell.input_size - readout.out_features, readout.out_features)
        self.cell = cell
        self.readout = readout

    def initial_state(self, batch_size: int) -> ClosedLoopState:
        """Return the inner initial state and an output of zero; see `Cell.initial_state`."""
        output = self.readout.weight.new_zeros(batch_size, self.output_size)
        return ClosedLoopState(self.cell.initial_state(batch_size), output)

    def project(
        self, inputs: Float[Tensor, "*time batch input"]
    ) -> Float[Tensor, "*time batch input"]:
        """Return the inputs, as the inner cell's project needs the state; see `Cell.project`."""
        return inputs

    def step(
        self, projected: Float[Tensor, "batch input"], state: ClosedLoopState
    ) -> tuple[Float[Tensor, "batch output"], ClosedLoopState]:
        """Advance one time step; see `Cell.step`."""
        inputs = torch.cat([projected, state.output], dim=-1)
        seen, inner = self.cell.step(self.cell.project(inputs), state.inner)
        if self._reads_inputs():
            seen = torch.cat([seen, inputs], dim=-1)
        output = self.readout(seen)
        return output, ClosedLoopState(inner, output)

    def resized(self, input_size: int) -> "ClosedLoopCell":
        """Build a fresh loop for inputs of another size; see `Cell.resized`."""
        cell = self.cell.resized(input_size + self.output_size)
        features = cell.output_size + (cell.input_size if self._reads_inputs() else 0)
        biased = self.readout.bias is not None
        readout = nn.Linear(features, self.output_size, bias=biased)
        return ClosedLoopCell(cell, readout.to(self.readout.weight))

    def _reads_inputs(self) -> bool:
        return self.readout.in_features > self.cell.output_size
