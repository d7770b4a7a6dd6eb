"""A program run over a whole sequence by native code."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from elman.engine.compiler.program import Source
from elman.engine.compiler.schedule import Multiply
from elman.engine.definition import Arguments, Ragged
from elman.engine.frozen import FrozenWeights
from elman.engine.native.code import Buffer, Code
from elman.engine.native.kernels import kernels
from elman.engine.native.multiply import Rows, add_sum, one_row
from elman.engine.native.operands import Operands, ragged_addresses
from elman.engine.native.plan import Address, Plan, after
from elman.engine.native.workspace import Workspace

OUTPUT = Source("output", 0)


class Forward(NamedTuple):
    """What a run returns.

    Attributes:
        outputs: `[time, batch, output]`.
        states: the state's tensors after the last step.
        sequence: the memory of the outputs, `[time, batch, output]`; of one step more if they are
            part of the state, which it begins with.
        kept: what a backward pass reads besides, flat; empty if none follows.
    """

    outputs: Tensor
    states: list[Tensor]
    sequence: Tensor
    kept: Tensor


class KeptPlaces:
    """Where a forward pass leaves what the backward pass reads.

    Args:
        code: the code of the step that saves values.
        time: steps.
        batch: rows.

    Attributes:
        output: where the outputs lie, in a sequence of their own.
        offsets: where all else lies, in floats.
        floats: how many there are of it.
        widths: the features of each.
    """

    output: Source
    offsets: dict[Source, int]
    floats: int
    widths: dict[Source, int]

    def __init__(self, code: Code, time: int, batch: int) -> None:
        self.widths = code.layout.widths
        alias = code.schedule.aliases.get(OUTPUT)
        self.output = alias.source if alias else OUTPUT
        self.offsets, self.floats = {}, 0
        for source, width in self.widths.items():
            if source.kind in ("state", "product") and source != self.output:
                self.offsets[source] = self.floats
                # Nothing in between, as all that an operator returns must be defined.
                self.floats += (time + (source.kind == "state")) * batch * width


class ForwardPlan:
    """The forward pass over sequences of one shape.

    Args:
        code: the step's code.
        arguments: the tensors of a call like those that the plan is for.
        keep: whether what the backward pass reads is kept.
        pack: whether calls pack the weights; otherwise they are given them packed.
    """

    def __init__(self, code: Code, arguments: Arguments, *, keep: bool, pack: bool) -> None:
        self._plan = plan = Plan()
        self._operands = Operands(plan, arguments, pack=pack)
        self._code = code
        self._keep = keep
        self._hoisted = {product.result.source for product in code.schedule.hoisted}
        self.time, self.batch = self._operands.time, self._operands.batch
        self._places = KeptPlaces(code, self.time, self.batch)
        lengths, resets = plan.base(), plan.base()
        self._sequence, self._kept = plan.base(), plan.base()
        self._buffers = {
            source: self._buffer(source, width) for source, width in code.layout.widths.items()
        }
        weights = self._operands.weights(code)
        for product in code.schedule.hoisted:
            self._multiply(product)
        ragged = Address(lengths), Address(resets)
        code.add(plan, self._buffers, weights, ragged, self.time, self.batch)
        for index, before in enumerate(self._operands.states):
            add_sum(plan, self._last(index, before), Address(plan.base()))
        output = self._places.output
        self._starts = int(output.kind == "state")
        self._shape = self.time + self._starts, self.batch, self._places.widths[output]
        self._widths = [(self.batch, part.columns) for part in self._operands.states]
        self._size = (self._places.floats if keep else 0,)
        self._launch = plan.finish(kernels(code.precision).launch)

    def run(
        self, flat: Sequence[Tensor], ragged: Ragged | None, weights: FrozenWeights | None
    ) -> Forward:
        """Run it.

        Args:
            flat: the tensors of the call, group after group.
            ragged: which steps count, for code made for it.
            weights: the packed weights, for a plan that does not pack them.

        Returns:
            The results.
        """
        workspace = Workspace()
        sequence = workspace.borrow(self._shape)
        kept = workspace.borrow(self._size)
        states = [torch.empty(shape) for shape in self._widths]
        addresses, _held = self._operands.addresses(flat)
        addresses += ragged_addresses(ragged)
        packed: list[Tensor] = []
        if weights is not None:
            packed = [weights.packed(*wanted) for wanted in self._operands.packed]
        addresses += (part.data_ptr() for part in (sequence, kept, *packed, *states))
        memory = workspace.take(self._launch.floats)
        try:
            self._launch(memory.address, addresses)
        finally:
            workspace.give_back(memory)
        # As data, so that autograd does not take it for a view that may not be changed.
        outputs = (sequence[1:] if self._starts else sequence).data
        return Forward(outputs, states, sequence, kept)

    def _buffer(self, source: Source, width: int) -> Buffer:
        kind, index = source
        rows = self.batch * width
        if kind in ("input", "vector"):
            return self._operands.buffers[source]
        if kind == "initial":
            given = self._operands.initial or self._operands.states
            return Buffer(given[index].address, 0, width)
        if kind == "state":
            return self._state(source, width)
        if source == self._places.output:
            return Buffer(Address(self._sequence), rows, width)
        if self._keep and source in self._places.offsets:
            return Buffer(Address(self._kept, self._places.offsets[source]), rows, width)
        if source in self._hoisted:
            return Buffer(self._plan.reserve(self.time * rows), rows, width)
        return Buffer(self._plan.reserve(rows), 0, width)

    def _state(self, source: Source, width: int) -> Buffer:
        rows = self.batch * width
        if source == self._places.output:
            buffer = Buffer(Address(self._sequence), rows, width)
        elif self._keep:
            buffer = Buffer(Address(self._kept, self._places.offsets[source]), rows, width)
        else:
            buffer = Buffer(self._plan.reserve(2 * rows), rows, width, alternating=True)
        before = self._operands.states[source.index]
        add_sum(self._plan, one_row(before), buffer.address)
        return buffer

    def _last(self, index: int, before: Rows) -> Rows:
        """Return the state's rows after the last step, as one."""
        buffer = self._buffers[Source("state", index)]
        step = self.time % 2 if buffer.alternating else self.time
        return one_row(before._replace(address=after(buffer.address, step * buffer.time_stride)))

    def _multiply(self, product: Multiply) -> None:
        """Add a product of an input for all steps at once."""
        left = self._rows(product.left.source, product.left_width)
        out = self._rows(product.result.source, product.width)
        initial = None
        if product.initial is not None:
            initial = self._rows(product.initial.source, product.width)
        self._operands.multiply(left, product.matrix, initial, out, self._code)

    def _rows(self, source: Source, width: int) -> Rows:
        """Return rows of all steps; those of a vector are all the same."""
        buffer = self._buffers[source]
        return Rows(buffer.address, buffer.row_stride, self.time * self.batch, width)
