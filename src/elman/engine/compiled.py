"""Any cell on native code compiled from its own step.

The forward and backward passes over a whole sequence are one native call each, and together one
differentiable operation. What the native code cannot do, a second derivative, is recomputed by
running the program in torch operations.
"""

from collections.abc import Sequence
from itertools import chain
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from elman.cells import Cell
from elman.engine import definition
from elman.engine.compiler.derivative import Derivative
from elman.engine.compiler.program import Program, Source
from elman.engine.definition import Arguments, defined_gradients, gathered, only_defined
from elman.engine.native.backward import Backward
from elman.engine.native.code import Buffer, Code, code_for
from elman.engine.native.execute import (
    Forward,
    Kept,
    Ragged,
    sequence_buffer,
)
from elman.engine.native.kernels import Precision
from elman.engine.programs import Compiled, compiled, derivative_of, hoists, training_of
from elman.state import rebuild, tensors

_GROUPS = ("input", "state", "initial", "vector", "matrix")


def unroll_compiled(
    cell: Cell[Any],
    inputs: Float[Tensor, "time batch input"],
    state: Any,
    lengths: Int[Tensor, " batch"] | None = None,
    resets: Bool[Tensor, "time batch"] | None = None,
    projected: Any = None,
    program: Compiled | None = None,
) -> tuple[Float[Tensor, "time batch output"], Any]:
    """Run a cell forward over time on native code.

    Under autocast to bfloat16, products round their factors; all else stays float32.

    Args:
        cell: any cell whose step is a flat program.
        inputs: `[time, batch, input]`, at least one time step.
        state: the state before the first step.
        lengths: valid steps of each row, 0 to time; all of them if not given.
        resets: True where a row starts afresh before the step.
        projected: what the cell's `project` made of the inputs; made here if not given.
        program: the cell's program, looked up here if not given.

    Returns:
        Outputs and final state as `unroll_eager` returns them.

    Raises:
        Untraceable: if the cell's step is no flat program.
    """
    precision: Precision = "bfloat16" if torch.is_autocast_enabled("cpu") else "float32"
    inputs = inputs.float()
    found = program or compiled(cell, inputs, state)
    leaves = [inputs]
    if not found.whole:
        made = cell.project(inputs) if projected is None else projected
        leaves = [part.float() for part in tensors(made)]
    arguments = gathered(cell, found.traced.weights, leaves, state, resets)
    counts = tuple(len(group) for group in arguments)
    call = Call(found.traced.program, ragged(inputs, lengths, resets), counts, precision)
    flat = [tensor for group in arguments for tensor in group]
    if torch.is_grad_enabled() and any(tensor.requires_grad for tensor in flat):
        outputs, *parts = _Compiled.apply(call, *flat)
    else:
        forward = call.forward(flat, keep=False)
        outputs, parts = forward.outputs, forward.states
    shaped = [
        part if part.dim() == like.dim() else part.view(like.shape)
        for part, like in zip(parts, tensors(state), strict=True)
    ]
    return outputs, rebuild(state, shaped)


def ragged(inputs: Tensor, lengths: Tensor | None, resets: Tensor | None) -> Ragged | None:
    """Bring lengths and resets into the form that native code reads.

    Args:
        inputs: `[time, batch, ...]`.
        lengths: as in `unroll_compiled`.
        resets: as in `unroll_compiled`.

    Returns:
        Both of them, or None where all steps of all rows count.
    """
    if lengths is None and resets is None:
        return None
    time, batch = inputs.shape[:2]
    if lengths is None:
        lengths = torch.full((batch,), time)
    after = torch.zeros(time + 1, batch, dtype=torch.bool)
    if resets is not None:
        after[:time] = resets
    return Ragged(lengths.to(torch.int64).contiguous(), after)


class Call:
    """A call of a program: what it needs besides the tensors that may have gradients.

    Args:
        program: a cell's program.
        ragged: which steps count; all of them if not given.
        counts: how many tensors each group of the arguments has.
        precision: what products round their factors to.
    """

    def __init__(
        self,
        program: Program,
        ragged: Ragged | None,
        counts: tuple[int, ...],
        precision: Precision = "float32",
    ) -> None:
        self._program = program
        self._precision = precision
        self._ragged = ragged
        self._counts = counts

    def forward(self, flat: Sequence[Tensor], *, keep: bool) -> Forward:
        """Run the program over time.

        Args:
            flat: the arguments, group after group.
            keep: whether what the backward pass reads is kept.

        Returns:
            The forward pass that has run.
        """
        return Forward(
            self.code(keep=keep), Arguments.of(flat, self._counts), self._ragged, keep=keep
        )

    def code(self, *, keep: bool) -> Code:
        """Return the code of the step, with or without what its derivative needs.

        Args:
            keep: whether a backward pass follows.

        Returns:
            The code.
        """
        program = training_of(self._program) if keep else self._program
        ragged = self._ragged is not None
        return code_for(
            program, self._precision, backward=False, ragged=ragged, hoist=hoists(self._program)
        )

    def gradients(
        self,
        flat: Sequence[Tensor],
        kept: dict[Source, Tensor],
        needed: Sequence[bool],
        given: Sequence[Tensor | None],
    ) -> list[Tensor | None]:
        """Run the derivative over time.

        Args:
            flat: the arguments of the forward pass.
            kept: what it kept, as `kept` returned it.
            needed: which of the arguments need a gradient.
            given: the gradients of the outputs and of the final state's tensors; None is zero.

        Returns:
            The gradient of each argument, None where none is needed. Where gradients are
            enabled, they can be differentiated again.
        """
        if torch.is_grad_enabled() or only_defined(part for part in given if part is not None):
            return self._defined(flat, needed, given)
        derivative, code = self._backward(needed)
        outputs, *states = given
        arguments = Arguments.of(flat, self._counts)
        found = Backward(
            code, derivative, _restored(arguments, kept), arguments, self._ragged, outputs, states
        ).gradients
        return [
            gradient.reshape(argument.shape) if need and gradient is not None else None
            for gradient, argument, need in zip(chain(*found), flat, needed, strict=True)
        ]

    def _backward(self, needed: Sequence[bool]) -> tuple[Derivative, Code]:
        """Return the derivative with respect to some of the arguments, and its code."""
        sources = (
            Source(kind, index)
            for kind, count in zip(_GROUPS, self._counts, strict=True)
            for index in range(count)
        )
        # The gradient of the state carries those of the steps before.
        wanted = frozenset(
            source
            for source, need in zip(sources, needed, strict=True)
            if need or source.kind == "state"
        )
        found = derivative_of(self._program, wanted)
        ragged = self._ragged is not None
        return found, code_for(
            found.program, self._precision, backward=True, ragged=ragged, hoist=False
        )

    def _defined(
        self, flat: Sequence[Tensor], needed: Sequence[bool], given: Sequence[Tensor | None]
    ) -> list[Tensor | None]:
        """Return the gradients by the definition, which can be differentiated again."""
        arguments = Arguments.of(flat, self._counts)
        counting = definition.Ragged(None, None)
        if self._ragged is not None:
            resets = self._ragged.resets if arguments.initial else None
            counting = definition.Ragged(self._ragged.lengths, resets)
        return defined_gradients(self._program, arguments, counting, needed, given)


def kept(forward: Forward) -> dict[Source, Tensor]:
    """Return what a backward pass reads besides the arguments.

    Args:
        forward: a forward pass that keeps it.

    Returns:
        Tensors of all steps, by where they lie.
    """
    return {
        source: buffer.tensor
        for source, buffer in forward.kept.buffers.items()
        if source.kind in ("state", "product")
    }


def _restored(arguments: Arguments, kept: dict[Source, Tensor]) -> Kept:
    """Put together again what a forward pass kept."""
    buffers = {
        Source("input", index): sequence_buffer(part) for index, part in enumerate(arguments.inputs)
    }
    for index, part in enumerate(arguments.vectors):
        buffers[Source("vector", index)] = Buffer(part.contiguous())
    for source, part in kept.items():
        buffers[source] = Buffer(part, part.stride(0), part.stride(1))
    time, batch = arguments.inputs[0].shape[:2]
    return Kept(time, batch, buffers)


class _Compiled(torch.autograd.Function):
    """The sequence as one differentiable operation on inputs, state and weights."""

    @staticmethod
    def forward(ctx: Any, call: Call, *flat: Tensor) -> tuple[Tensor, ...]:
        forward = call.forward(flat, keep=True)
        found = kept(forward)
        ctx.call, ctx.sources = call, tuple(found)
        # Saved, not kept here: so that checkpointing can drop them and make them again.
        ctx.save_for_backward(forward.outputs, *found.values(), *flat)
        ctx.set_materialize_grads(False)
        return forward.outputs, *forward.states

    @staticmethod
    def backward(ctx: Any, *given: Tensor | None) -> tuple[Tensor | None, ...]:
        _, *saved = ctx.saved_tensors
        found = dict(zip(ctx.sources, saved, strict=False))
        flat, needed = saved[len(found) :], ctx.needs_input_grad[1:]
        return None, *ctx.call.gradients(flat, found, needed, given)
