"""A program's derivative run over a whole sequence by native code."""

from collections.abc import Iterable
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor

from elman.engine.compiler.derivative import Columns, Derivative, InputGradient, WeightGradient
from elman.engine.compiler.program import Source
from elman.engine.definition import Arguments
from elman.engine.native.code import Buffer, Code
from elman.engine.native.execute import Kept, Ragged, packed_weights, sequence_buffer
from elman.engine.native.large import Work, large_gradient, large_product
from elman.engine.native.workspace import Workspace

_LINE = 16  # floats of a cache line, at which each buffer starts
_SUMMED = "vector_gradient"
_GIVEN = ("input", "state", "vector", "product", "output_gradient")
_SEQUENCES = ("kept", "tick")
"""Kinds of buffers of the backward pass: summed over rows and steps, there before, and with a
place for each step; the others have one place."""


class Gradients(NamedTuple):
    """Gradients of a call's arguments; None where none is wanted."""

    inputs: list[Tensor | None]
    states: list[Tensor]
    initial: list[Tensor]
    vectors: list[Tensor | None]
    matrices: list[Tensor | None]


class Backward:
    """The backward pass over a sequence.

    Args:
        code: the derivative's code.
        derivative: the derivative.
        kept: what the forward pass kept.
        arguments: the call's tensors.
        ragged: which steps count; all of them if not given.
        outputs: the gradient of the outputs, `[time, batch, output]`; none is zero.
        states: the gradients of the final state's tensors; none is zero.
    """

    def __init__(
        self,
        code: Code,
        derivative: Derivative,
        kept: Kept,
        arguments: Arguments,
        ragged: Ragged | None,
        outputs: Tensor | None,
        states: list[Tensor | None],
    ) -> None:
        self._workspace = Workspace()
        self._code = code
        self._kept = kept
        self._arguments = arguments
        self._given = outputs, states
        self._valid: Tensor | None = None
        if ragged is not None:
            steps = torch.arange(kept.time).unsqueeze(1)
            self._valid = (steps < ragged.lengths).unsqueeze(-1)
        self._resets = ragged is not None and bool(arguments.initial)
        self.time, self.batch = kept.time, kept.batch
        self.threads, _ = code.threads(self.time, self.batch)
        self._temporary = self._borrowed(code.layout.widths)
        widths = [width for (kind, _), width in code.layout.widths.items() if kind == _SUMMED]
        self._sums = arguments.inputs[0].new_zeros(self.threads, sum(widths))
        self._summed = 0
        self.buffers = {
            source: self._buffer(source, width) for source, width in code.layout.widths.items()
        }
        self._work: Work = []
        packed = packed_weights(code, arguments.matrices, self._workspace, self._work)
        self._work.append(code.job(self.buffers, packed, ragged, self.time, self.batch))
        inputs = [self._input(index, derivative.inputs) for index in range(len(arguments.inputs))]
        count = len(arguments.matrices)
        matrices = [self._matrix(index, derivative.weights) for index in range(count)]
        for job in self._work:
            job()
        self.gradients = Gradients(
            inputs,
            [self._carried(index)[0] for index in range(len(arguments.states))],
            [self._initial(index, ragged) for index in range(len(arguments.initial))],
            self._vectors(),
            matrices,
        )

    def _buffer(self, source: Source, width: int) -> Buffer:
        kind, index = source
        rows = self.batch * width
        if kind in _GIVEN and kind != "output_gradient":
            return self._kept.buffers[source]
        like = self._arguments.inputs[0]
        if kind == "output_gradient":
            given = self._given[0]
            if given is None:
                return Buffer(like.new_zeros(width))
            return sequence_buffer(given if self._valid is None else given.where(self._valid, 0.0))
        if kind == "state_gradient":
            return self._state(index, width)
        if kind == _SUMMED:
            offset, self._summed = self._summed, self._summed + width
            return Buffer(self._sums, 0, self._sums.shape[1], offset=offset)
        if kind == "input_gradient":  # which outlives the rest
            tensor = self._workspace.borrow((self.time, self.batch, width))
            return Buffer(tensor, rows, width)
        return Buffer(self._temporary[source], rows if kind in _SEQUENCES else 0, width)

    def _borrowed(self, widths: dict[Source, int]) -> dict[Source, Tensor]:
        """Borrow memory for what only the backward pass knows, all of it at once."""
        slots = {
            source: self._slots(source.kind)
            for source in widths
            if source.kind not in (*_GIVEN, "input_gradient", _SUMMED)
        }
        sizes = [count * self.batch * widths[source] for source, count in slots.items()]
        padded = [-(-size // _LINE) * _LINE for size in sizes]
        parts = self._workspace.borrow((sum(padded),)).split(padded)
        return {
            source: part[:size].view(count, self.batch, widths[source])
            for (source, count), part, size in zip(slots.items(), parts, sizes, strict=True)
        }

    def _slots(self, kind: str) -> int:
        if kind == "state_gradient":
            return self.time + 1 if self._resets else 2
        return self.time if kind in _SEQUENCES else 1

    def _state(self, index: int, width: int) -> Buffer:
        tensor = self._temporary[Source("state_gradient", index)]
        buffer = Buffer(tensor, self.batch * width, width, not self._resets)
        last = tensor[self.time if self._resets else self.time % 2]
        given = self._given[1][index]
        last.zero_() if given is None else last.copy_(given)
        return buffer

    def _carried(self, index: int) -> Tensor:
        return self.buffers[Source("state_gradient", index)].tensor

    def _rows(self, columns: Columns) -> Tensor:
        """Return what lies in memory as rows of all steps, `[time * batch, features]`."""
        alias = self._code.schedule.aliases.get(columns.source)
        source = alias.source if alias else columns.source
        buffer = self.buffers.get(source) or self._kept.buffers[source]
        tensor = buffer.tensor[: self.time] if source.kind == "state" else buffer.tensor
        rows = tensor.reshape(self.time * self.batch, -1)
        if columns.width == rows.shape[1]:
            return rows
        return rows[:, columns.start : columns.start + columns.width]

    def _input(self, index: int, deferred: Iterable[InputGradient]) -> Tensor | None:
        source = Source("input_gradient", index)
        alias = self._code.schedule.aliases.get(source)
        if alias or source in self.buffers:
            return self.buffers[alias.source if alias else source].tensor
        for wanted, matrix, columns in deferred:
            if wanted == index:
                like = self._arguments.inputs[index]
                gradient = self._workspace.borrow(tuple(like.shape))
                weight = self._arguments.matrices[matrix.index]
                left = self._rows(columns)
                result = gradient.view(len(left), -1)
                rest = (None, result, self._code.precision, self._workspace, self._work)
                large_product(left, weight, matrix.transposed, *rest)
                return gradient
        return None

    def _initial(self, index: int, ragged: Ragged | None) -> Tensor:
        """Sum the gradients that went to a state which a reset put in place."""
        carried = self._carried(index)
        assert ragged is not None  # resets are what initial states are given for
        # The state before the first step has been chosen before the call.
        later = ragged.resets[1:].unsqueeze(-1)
        return torch.where(later, carried[1:], 0.0).sum(0)

    def _vectors(self) -> list[Tensor | None]:
        """Add up what the threads have summed, and take it apart."""
        found: list[Tensor | None] = [None] * len(self._arguments.vectors)
        total = self._sums.sum(0) if self.threads > 1 else self._sums[0]
        for source, buffer in self.buffers.items():
            if source.kind == _SUMMED:
                width = self._code.layout.widths[source]
                found[source.index] = total[buffer.offset : buffer.offset + width]
        return found

    def _matrix(self, index: int, deferred: Iterable[WeightGradient]) -> Tensor | None:
        total: Tensor | None = None
        for matrix, left, gradient in deferred:
            if matrix.index != index:
                continue
            sides = self._rows(gradient), self._rows(left)
            one, other = sides if matrix.transposed else sides[::-1]
            found = self._workspace.borrow((one.shape[1], other.shape[1]))
            if gradient.source in self._code.schedule.gates:
                self._work.append(partial(self._gated, gradient.source, one, other, found))
            else:
                large_gradient(one, other, found, self._code.precision, self._work)
            if total is None:
                total = found
            else:
                self._work.append(partial(total.add_, found))
        return total

    def _gated(self, source: Source, one: Tensor, other: Tensor, found: Tensor) -> None:
        """Compute a weight's gradient from the rows whose gate was open; the others are 0."""
        gate = self._code.schedule.gates[source]
        rows = self.buffers[gate.source].tensor.flatten().nonzero().squeeze(1)
        work: Work = []
        large_gradient(one[rows], other[rows], found, self._code.precision, work)
        for job in work:
            job()
