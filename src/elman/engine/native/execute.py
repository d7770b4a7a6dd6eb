"""A program run over a whole sequence by native code."""

from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor

from elman.engine.compiler.program import Matrix, Source
from elman.engine.compiler.schedule import Multiply
from elman.engine.definition import Arguments
from elman.engine.native.code import Buffer, Code
from elman.engine.native.large import Work, large_product, pack
from elman.engine.native.workspace import Workspace

OUTPUT = Source("output", 0)


class Ragged(NamedTuple):
    """Which steps of which rows count.

    Attributes:
        lengths: valid steps of each row, int64 `[batch]`.
        resets: True where a row starts afresh before the step, `[time + 1, batch]`, the last
            row False.
    """

    lengths: Tensor
    resets: Tensor


class Kept(NamedTuple):
    """What the backward pass reads of the forward pass.

    Attributes:
        time: steps.
        batch: rows.
        buffers: where leaves, states and products lie.
    """

    time: int
    batch: int
    buffers: dict[Source, Buffer]


class Forward:
    """The forward pass over a sequence.

    Args:
        code: the step's code.
        arguments: the call's tensors.
        ragged: which steps count; all of them if not given.
        keep: whether what the backward pass reads is kept.

    Attributes:
        outputs: `[time, batch, output]`.
        states: the state's tensors after the last step.
        kept: what the backward pass needs; it does not hold the outputs.
    """

    outputs: Tensor
    states: list[Tensor]
    kept: Kept

    def __init__(
        self, code: Code, arguments: Arguments, ragged: Ragged | None, *, keep: bool
    ) -> None:
        self._workspace = Workspace()
        self._precision = code.precision
        self._keep = keep
        self._hoisted = {product.result.source for product in code.schedule.hoisted}
        self._shared = {place.source for place in code.schedule.aliases.values()}
        self.time, self.batch = arguments.inputs[0].shape[:2]
        buffers = {
            source: self._buffer(source, width, arguments)
            for source, width in code.layout.widths.items()
        }
        self._work: Work = []
        packed = packed_weights(code, arguments.matrices, self._workspace, self._work)
        for product in code.schedule.hoisted:
            self._multiply(product, arguments, buffers)
        self._work.append(code.job(buffers, packed, ragged, self.time, self.batch))
        alias = code.schedule.aliases.get(OUTPUT)
        output = alias.source if alias else OUTPUT
        sequence = buffers[output].tensor
        # As data, so that autograd does not take it for a view that may not be changed.
        self.outputs = sequence[1:].data if output.kind == "state" else sequence
        self.states = []
        for index in range(len(arguments.states)):
            buffer = buffers[Source("state", index)]
            last = buffer.tensor[self.time % 2 if buffer.alternating else self.time]
            final = torch.empty_like(last)
            self._work.append(partial(final.copy_, last))
            self.states.append(final)
        buffers.pop(OUTPUT, None)  # else the graph of the outputs would hold itself
        self.kept = Kept(self.time, self.batch, buffers)
        for job in self._work:
            job()

    def _buffer(self, source: Source, width: int, arguments: Arguments) -> Buffer:
        kind, index = source
        rows = self.batch * width
        if kind == "input":
            return sequence_buffer(arguments.inputs[index])
        if kind == "vector":
            return Buffer(arguments.vectors[index].contiguous())
        if kind == "initial":
            given = arguments.initial[index] if arguments.initial else arguments.states[index]
            return Buffer(given.contiguous(), 0, width)
        if kind == "output":
            return self._borrow((self.time, self.batch, width), rows, width)
        if kind == "state":
            return self._state(source, arguments.states[index])
        if kind == "product" and (self._keep or source in self._hoisted):
            return self._borrow((self.time, self.batch, width), rows, width)
        return self._borrow((self.batch, width), 0, width)

    def _state(self, source: Source, before: Tensor) -> Buffer:
        rows, width = before.numel(), before.shape[1]
        if self._keep or source in self._shared:
            buffer = self._borrow((self.time + 1, *before.shape), rows, width)
        else:
            buffer = self._borrow((2, *before.shape), rows, width)._replace(alternating=True)
        buffer.tensor[0].copy_(before)
        return buffer

    def _borrow(self, shape: tuple[int, ...], time_stride: int, row_stride: int) -> Buffer:
        return Buffer(self._workspace.borrow(shape), time_stride, row_stride)

    def _multiply(
        self, product: Multiply, arguments: Arguments, buffers: dict[Source, Buffer]
    ) -> None:
        """Do a product of an input for all steps at once."""
        result = buffers[product.result.source].tensor
        result = result.view(self.time * self.batch, -1)
        left = arguments.inputs[product.left.source.index].reshape(len(result), -1)
        initial = None
        if product.initial is not None:
            initial = buffers[product.initial.source].tensor
            if initial.dim() > 1:
                initial = initial.reshape(len(result), -1)
        weight = arguments.matrices[product.matrix.index]
        rest = (initial, result, self._precision, self._workspace, self._work)
        large_product(left, weight, product.matrix.transposed, *rest)


def sequence_buffer(sequence: Tensor) -> Buffer:
    """Describe a sequence, whose features are copied only if they do not lie side by side.

    Args:
        sequence: `[time, batch, features]`.

    Returns:
        Where its rows lie.
    """
    if sequence.stride(-1) != 1:
        sequence = sequence.contiguous()
    return Buffer(sequence, sequence.stride(0), sequence.stride(1))


def packed_weights(
    code: Code, matrices: list[Tensor], workspace: Workspace, work: Work
) -> dict[Matrix, Tensor]:
    """Prepare the packing of the weights that a code multiplies with.

    Args:
        code: the code.
        matrices: the weights.
        workspace: lends the memory.
        work: where the jobs are added.

    Returns:
        The memory of the packed weights, by how they are used.
    """
    return {
        matrix: pack(matrices[matrix.index], matrix.transposed, code.precision, workspace, work)
        for matrix in code.layout.matrices
    }
