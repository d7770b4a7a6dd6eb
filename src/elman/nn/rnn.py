"""Stacks of recurrent layers."""

from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from elman.cells import Cell, find_cell
from elman.engine import unroll

RNNState = tuple[tuple[Any, ...], ...]
"""Cell states, `state[layer][direction]`."""


class RNN(nn.Module):
    """A stack of recurrent layers, each in one direction or in both.

    Args:
        cell: the first layer's cell, which the other layers and directions repeat with their
            own weights; or a name that `find_cell` knows, then with the two sizes.
        input_size: features of each input vector; only with a name.
        hidden_size: hidden size of each layer and direction; only with a name.
        num_layers: layers, at least 1.
        bidirectional: run each layer forward and backward; outputs are concatenated, forward
            first.
        dropout: share of each layer's outputs dropped before the next layer, in [0, 1).
        checkpoint_every: steps of the chunks that each backward pass runs again instead of
            keeping their activations, as in `unroll`; all are kept if not given.

    Raises:
        ValueError: if a cell is unknown, sizes are missing or given twice, or a number is out
            of its range.

    Example:
        >>> rnn = RNN("lstm", 64, 128, num_layers=2, bidirectional=True)
        >>> outputs, state = rnn(torch.zeros(5, 3, 64))
        >>> list(outputs.shape)
        [5, 3, 256]
    """

    def __init__(
        self,
        cell: Cell[Any] | str,
        input_size: int | None = None,
        hidden_size: int | None = None,
        *,
        num_layers: int = 1,
        bidirectional: bool = False,
        dropout: float = 0.0,
        checkpoint_every: int | None = None,
    ) -> None:
        super().__init__()
        if num_layers < 1:
            raise ValueError(f"RNN: num_layers must be at least 1, got {num_layers}.")
        if checkpoint_every is not None and checkpoint_every < 1:
            raise ValueError(f"RNN: checkpoint_every must be at least 1, got {checkpoint_every}.")
        if not 0.0 <= dropout < 1.0:
            raise ValueError(f"RNN: dropout must lie in [0, 1), got {dropout}.")
        first = _first_cell(cell, input_size, hidden_size)
        directions = 2 if bidirectional else 1
        width = directions * first.output_size
        self.input_size = first.input_size
        self.output_size = width
        self.bidirectional = bidirectional
        self.checkpoint_every = checkpoint_every
        self.dropout = nn.Dropout(dropout)
        self.layers = nn.ModuleList()
        for layer in range(num_layers):
            size = first.input_size if layer == 0 else width
            cells = [first.resized(size) for _ in range(directions)]
            if layer == 0:
                cells[0] = first
            self.layers.append(nn.ModuleList(cells))

    def initial_state(self, batch_size: int) -> RNNState:
        """Return every cell's initial state.

        Args:
            batch_size: rows of the batch.

        Returns:
            States by layer and direction.
        """
        return tuple(
            tuple(cell.initial_state(batch_size) for cell in directions)
            for directions in self._cells()
        )

    def forward(
        self,
        inputs: Float[Tensor, "time batch input"],
        state: RNNState | None = None,
        *,
        lengths: Int[Tensor, " batch"] | None = None,
        resets: Bool[Tensor, "time batch"] | None = None,
    ) -> tuple[Float[Tensor, "time batch output"], RNNState]:
        """Run the stack over a sequence.

        Args:
            inputs: `[time, batch, input]`.
            state: the state before the first step; the initial state if not given.
            lengths: valid steps of each row, as in `unroll`.
            resets: where rows start afresh, as in `unroll`.

        Returns:
            Outputs of the last layer `[time, batch, output]` and the final state.

        Raises:
            ValueError: if a shape does not fit.
        """
        layers = self._cells()
        # Where no state is given, the engine asks each cell for its own.
        given = [[None] * len(cells) for cells in layers] if state is None else state
        final = []
        for index, (cells, states) in enumerate(zip(layers, given, strict=True)):
            if index > 0:
                inputs = self.dropout(inputs)
            runs = [
                unroll(
                    cell,
                    inputs,
                    start,
                    lengths=lengths,
                    resets=resets,
                    reverse=reverse,
                    checkpoint_every=self.checkpoint_every,
                )
                for cell, start, reverse in zip(cells, states, (False, True), strict=False)
            ]
            inputs = runs[0][0] if len(runs) == 1 else torch.cat([run[0] for run in runs], dim=-1)
            final.append(tuple(run[1] for run in runs))
        return inputs, tuple(final)

    def step(
        self, inputs: Float[Tensor, "batch input"], state: RNNState
    ) -> tuple[Float[Tensor, "batch output"], RNNState]:
        """Advance the whole stack one time step, as a stream does.

        Args:
            inputs: `[batch, input]`.
            state: the state after the previous step.

        Returns:
            Outputs of the last layer `[batch, output]` and the new state.

        Raises:
            ValueError: if the stack is bidirectional, which needs the whole sequence.
        """
        return self.advance(self._cells()[0][0].project(inputs), state)

    def advance(
        self, projected: Any, state: RNNState
    ) -> tuple[Float[Tensor, "batch output"], RNNState]:
        """Advance as `step` does, from inputs that the first layer's cell has projected.

        Args:
            projected: what that cell's `project` returned for `[batch, input]`.
            state: the state after the previous step.

        Returns:
            Outputs of the last layer `[batch, output]` and the new state.

        Raises:
            ValueError: as `step`.
        """
        if self.bidirectional:
            raise ValueError("A bidirectional RNN needs the whole sequence and cannot step.")
        first, *others = (cells[0] for cells in self._cells())
        outputs, after = first.step(projected, state[0][0])
        new_state = [(after,)]
        for cell, (before,) in zip(others, state[1:], strict=True):
            outputs, after = cell.step(cell.project(self.dropout(outputs)), before)
            new_state.append((after,))
        return outputs, tuple(new_state)

    def _cells(self) -> list[list[Cell[Any]]]:
        return [list(directions) for directions in self.layers]  # type: ignore[call-overload]


def _first_cell(
    cell: Cell[Any] | str, input_size: int | None, hidden_size: int | None
) -> Cell[Any]:
    if isinstance(cell, Cell):
        if input_size is not None or hidden_size is not None:
            raise ValueError("RNN: a cell brings its own sizes; give sizes only with a name.")
        return cell
    if input_size is None or hidden_size is None:
        raise ValueError(f"RNN: the cell name {cell!r} needs input_size and hidden_size.")
    return find_cell(cell)(input_size, hidden_size)
