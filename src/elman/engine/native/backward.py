"""A program's derivative run over a whole sequence by native code."""

from collections.abc import Iterator, Sequence
from itertools import accumulate

import torch
from torch import Tensor

from elman.engine.compiler.derivative import Columns, Derivative
from elman.engine.compiler.program import Source
from elman.engine.definition import Arguments, Ragged
from elman.engine.native.code import Buffer, Code
from elman.engine.native.execute import KeptPlaces
from elman.engine.native.kernels import kernels
from elman.engine.native.multiply import (
    Rows,
    add_gated_gradient,
    add_gradient,
    add_sum,
    one_row,
)
from elman.engine.native.operands import Operands, ragged_addresses
from elman.engine.native.plan import MEMORY, Address, Plan, after
from elman.engine.native.workspace import Workspace

_LINE = 16  # floats of a cache line
_SUMMED = "vector_gradient"
_SEQUENCES = ("kept", "tick", "product")
"""Kinds of buffers: summed over rows and steps, and with a place for each step; among those the
places of products that the forward pass has not kept, where gradients lie."""


class BackwardPlan:
    """The backward pass over sequences of one shape.

    Args:
        code: the derivative's code.
        derivative: the derivative.
        places: where the forward pass left what this one reads.
        arguments: the tensors of a call like those that the plan is for.
        needed: which of them need a gradient, group after group.
        given: gradients of the outputs and of the final state's tensors, like those that the
            plan is for; None is zero.
    """

    def __init__(
        self,
        code: Code,
        derivative: Derivative,
        places: KeptPlaces,
        arguments: Arguments,
        needed: Sequence[bool],
        given: Sequence[Tensor | None],
    ) -> None:
        self._plan = Plan()
        self._code, self._places = code, places
        self._needed = needed
        self._operands = operands = Operands(self._plan, arguments, pack=True)
        self.time, self.batch = operands.time, operands.batch
        self._resets = bool(arguments.initial)
        self._shapes = [tuple(part.shape) for group in arguments for part in group]
        self._starts = list(accumulate(map(len, arguments), initial=0))
        outputs, *states = given
        self._outputs = None if outputs is None else operands.sequence(outputs)
        self._states = [None if part is None else operands.rows(part) for part in states]
        ragged = Address(self._plan.base()), Address(self._plan.base())
        self._sequence, self._kept = self._plan.base(), self._plan.base()
        self._borrowed: list[int] = []  # arguments whose gradients have memory of their own
        self._found: list[tuple[int, int]] = []  # arguments and which of those is theirs
        self._own = self._place_inputs()
        self._place_sums()
        self._buffers = {
            source: self._buffer(source, width) for source, width in code.layout.widths.items()
        }
        weights = operands.weights(code)
        code.add(self._plan, self._buffers, weights, ragged, self.time, self.batch)
        self._finish(derivative)
        self._launch = self._plan.finish(kernels(code.precision).launch)

    def run(
        self,
        flat: Sequence[Tensor],
        saved: tuple[Tensor, Tensor],
        given: Sequence[Tensor | None],
        ragged: Ragged | None,
    ) -> list[Tensor | None]:
        """Run it.

        Args:
            flat: the tensors of the call, group after group.
            saved: `sequence` and `kept` of its forward pass.
            given: as the plan's.
            ragged: which steps count, for code made for it.

        Returns:
            The gradient of each argument that needs one.
        """
        workspace = Workspace()
        tensors = [*flat, *(part for part in given if part is not None)]
        addresses, _held = self._operands.addresses(tensors)
        addresses += ragged_addresses(ragged)
        addresses += (part.data_ptr() for part in saved)
        results = [workspace.borrow(self._shapes[number]) for number in self._borrowed]
        addresses += (result.data_ptr() for result in results)
        gradients: list[Tensor | None] = [None] * len(self._shapes)
        for number, place in self._found:
            gradients[number] = results[place]
        memory = workspace.take(self._launch.floats)
        try:
            self._launch(memory.address, addresses)
            if ragged is not None:
                for index, number in self._wanted(2):
                    gradients[number] = self._sum_of_resets(memory.tensor, index, ragged)
        finally:
            workspace.give_back(memory)
        return gradients

    def _wanted(self, group: int) -> Iterator[tuple[int, int]]:
        """Yield the arguments of a group that need gradients: place in the group, and in all."""
        numbers = range(self._starts[group], self._starts[group + 1])
        return ((index, number) for index, number in enumerate(numbers) if self._needed[number])

    def _result(self, number: int) -> Address:
        """Give the gradient of an argument memory of its own."""
        self._found.append((number, len(self._borrowed)))
        self._borrowed.append(number)
        return Address(self._plan.base())

    def _final(self, source: Source) -> Source:
        alias = self._code.schedule.aliases.get(source)
        return alias.source if alias else source

    def _place_inputs(self) -> dict[Source, Address]:
        """Give the gradients of inputs that the steps themselves write memory of their own."""
        own: dict[Source, Address] = {}
        first: dict[Source, int] = {}
        for index, number in self._wanted(0):
            source = self._final(Source("input_gradient", index))
            if source in own:
                self._found.append((number, first[source]))
            elif source in self._code.layout.widths:
                first[source] = len(self._borrowed)
                own[source] = self._result(number)
        return own

    def _place_sums(self) -> None:
        """Reserve memory for what each thread sums, at first zero."""
        self._threads, _ = self._code.threads(self.time, self.batch)
        self._sums: dict[Source, int] = {}
        size = 0
        for source, width in self._code.layout.widths.items():
            if source.kind == _SUMMED:
                self._sums[source] = size
                size += width
        self._stride = -(-size // _LINE) * _LINE
        self._summed = self._plan.reserve(self._threads * self._stride)
        self._zero(self._summed, self._threads * self._stride)

    def _zero(self, target: Address, floats: int) -> None:
        add_sum(self._plan, Rows(target, floats, 0, floats), target)

    def _buffer(self, source: Source, width: int) -> Buffer:
        kind, index = source
        rows = self.batch * width
        if source in self._own:
            return Buffer(self._own[source], rows, width)
        if kind in ("input", "vector"):
            return self._operands.buffers[source]
        if source == self._places.output:
            return Buffer(Address(self._sequence), rows, width)
        if source in self._places.offsets:
            return Buffer(Address(self._kept, self._places.offsets[source]), rows, width)
        if kind == "output_gradient":
            return self._outputs or self._zeros(width)
        if kind == "state_gradient":
            return self._state(index, width)
        if kind == _SUMMED:
            return Buffer(after(self._summed, self._sums[source]), 0, self._stride)
        if kind in _SEQUENCES:
            return Buffer(self._plan.reserve(self.time * rows), rows, width)
        return Buffer(self._plan.reserve(rows), 0, width)

    def _zeros(self, width: int) -> Buffer:
        """Return zeros, the same for all rows and steps."""
        place = self._plan.reserve(width)
        self._zero(place, width)
        return Buffer(place)

    def _state(self, index: int, width: int) -> Buffer:
        rows = self.batch * width
        slots, last = (self.time + 1, self.time) if self._resets else (2, self.time % 2)
        buffer = Buffer(self._plan.reserve(slots * rows), rows, width, not self._resets)
        target, given = after(buffer.address, last * rows), self._states[index]
        given = Rows(target, rows, 0, rows) if given is None else one_row(given)
        add_sum(self._plan, given, target)
        return buffer

    def _finish(self, derivative: Derivative) -> None:
        """Add what follows the last step."""
        for index, number in self._wanted(0):
            self._defer_input(index, number, derivative)
        for index, number in self._wanted(4):
            self._defer_matrix(index, number, derivative)
        for index, number in self._wanted(3):
            source = Source(_SUMMED, index)
            if source in self._sums:
                address, width = self._buffers[source].address, self._code.layout.widths[source]
                sums = Rows(address, self._stride, self._threads, width)
                add_sum(self._plan, sums, self._result(number))
        for index, number in self._wanted(1):
            source = Source("state_gradient", index)
            address, width = self._buffers[source].address, self._code.layout.widths[source]
            carried = one_row(Rows(address, width, self.batch, width))
            add_sum(self._plan, carried, self._result(number))

    def _defer_input(self, index: int, number: int, derivative: Derivative) -> None:
        for wanted, matrix, columns in derivative.inputs:
            if wanted == index:
                left, width = self._rows(columns), self._shapes[number][-1]
                out = Rows(self._result(number), width, left.rows, width)
                self._operands.multiply(left, matrix, None, out, self._code)

    def _defer_matrix(self, index: int, number: int, derivative: Derivative) -> None:
        """Add the sum of a weight's gradients, one from each of its products."""
        deferred = [part for part in derivative.weights if part.matrix.index == index]
        if not deferred:
            return
        rows, columns = self._shapes[number]
        result = self._result(number)
        size = rows * columns
        parts = self._plan.reserve(len(deferred) * size) if len(deferred) > 1 else result
        for place, (matrix, left, gradient) in enumerate(deferred):
            sides = self._rows(gradient), self._rows(left)
            one, other = sides if matrix.transposed else sides[::-1]
            out = Rows(after(parts, place * size), columns, rows, columns)
            gate = self._code.schedule.gates.get(gradient.source)
            if gate is None:
                add_gradient(self._plan, one, other, out, self._code.precision)
            else:
                flags = self._rows(Columns(gate.source, 0, 1))
                add_gated_gradient(self._plan, flags, one, other, out, self._code.precision)
        if len(deferred) > 1:
            add_sum(self._plan, Rows(parts, size, len(deferred), size), result)

    def _rows(self, columns: Columns) -> Rows:
        """Return what lies in memory as rows of all steps."""
        source = self._final(columns.source)
        width = self._places.widths.get(source, columns.width)
        buffer = self._buffers.get(source) or self._buffer(source, width)
        address = after(buffer.address, columns.start)
        return Rows(address, buffer.row_stride, self.time * self.batch, columns.width)

    def _sum_of_resets(self, memory: Tensor, index: int, ragged: Ragged) -> Tensor:
        """Sum the gradients that went to a state which a reset put in place."""
        assert ragged.resets is not None  # which initial states are given for
        source = Source("state_gradient", index)
        address, width = self._buffers[source].address, self._code.layout.widths[source]
        assert isinstance(address, Address)
        assert address.base == MEMORY
        size = (self.time + 1) * self.batch * width
        carried = memory[address.floats : address.floats + size]
        # The state before the first step has been chosen before the call.
        later = ragged.resets[1:].unsqueeze(-1)
        shaped = carried.view(self.time + 1, self.batch, width)
        return torch.where(later, shaped[1:], 0.0).sum(0)
