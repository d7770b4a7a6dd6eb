"""Any cell on native code compiled from its own step.

The forward and backward passes over a whole sequence are one native call each, and together one
differentiable operation. What the native code cannot do, a second derivative, is recomputed by
running the program in torch operations.
"""

from collections.abc import Hashable, Sequence
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from elman.cells import Cell
from elman.engine.compiler.program import Source
from elman.engine.definition import Arguments, Ragged, defined_gradients, gathered, only_defined
from elman.engine.frozen import FrozenWeights, is_frozen
from elman.engine.native.backward import BackwardPlan
from elman.engine.native.code import Code, code_for
from elman.engine.native.execute import Forward, ForwardPlan, KeptPlaces
from elman.engine.native.kernels import Precision
from elman.engine.native.threads import available
from elman.engine.programs import (
    Compiled,
    compiled,
    derivative_of,
    hoists,
    overwriting_derivative_of,
    training_of,
)
from elman.state import rebuild, tensors

_GROUPS = ("input", "state", "initial", "vector", "matrix")
_PLANS = 256  # shapes that a program's plans are kept for


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
    weights = found.frozen_weights(cell) if is_frozen(cell) else None
    constants = weights.constants if weights else found.traced.constants(cell)
    arguments = gathered(cell, constants, leaves, state, resets)
    counts = tuple(map(len, arguments))
    native = Native.of(found, counts, precision)
    steps = ragged(inputs, lengths, resets)
    flat = [tensor for group in arguments for tensor in group]
    if torch.is_grad_enabled() and any(tensor.requires_grad for tensor in flat):
        outputs, *parts = _Compiled.apply(native, steps, *flat)
    else:
        forward = native.forward(flat, steps, weights, keep=False)
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


class Native:
    """A program on native code, with plans for the shapes that it was called with.

    Args:
        found: a cell's program.
        counts: how many tensors each group of the arguments has.
        precision: what products round their factors to.
    """

    def __init__(self, found: Compiled, counts: tuple[int, ...], precision: Precision) -> None:
        self._program = found.traced.program
        self._counts = counts
        self._precision = precision
        self._plans: dict[Hashable, Any] = {}

    @classmethod
    def of(cls, found: Compiled, counts: tuple[int, ...], precision: Precision) -> "Native":
        """Return a program's, made at the first call.

        Args:
            found: the cell's program.
            counts: how many tensors each group of the arguments has.
            precision: what products round their factors to.

        Returns:
            The program on native code.
        """
        key = counts, precision
        native: Native | None = found.native.get(key)
        if native is None:
            native = found.native.setdefault(key, cls(found, counts, precision))
        return native

    def forward(
        self,
        flat: Sequence[Tensor],
        ragged: Ragged | None,
        weights: FrozenWeights | None = None,
        *,
        keep: bool,
    ) -> Forward:
        """Run the program over time.

        Args:
            flat: the arguments, group after group.
            ragged: which steps count, as the function `ragged` returned it.
            weights: the matrices packed before; packed by the call if not given.
            keep: whether what the backward pass reads is kept.

        Returns:
            The results.
        """
        key = "forward", keep, ragged is None, weights is None, available(), *_layout(flat)
        plan: ForwardPlan | None = self._plans.get(key)
        if plan is None:
            code = self.code(keep=keep, ragged=ragged is not None)
            arguments = Arguments.of(flat, self._counts)
            plan = ForwardPlan(code, arguments, keep=keep, pack=weights is None)
            self._remember(key, plan)
        return plan.run(flat, ragged, weights)

    def code(self, *, keep: bool, ragged: bool) -> Code:
        """Return the code of the step, with or without what its derivative needs.

        Args:
            keep: whether a backward pass follows.
            ragged: whether some steps do not count.

        Returns:
            The code.
        """
        program = training_of(self._program) if keep else self._program
        hoist = hoists(self._program)
        return code_for(program, self._precision, backward=False, ragged=ragged, hoist=hoist)

    def gradients(
        self,
        flat: Sequence[Tensor],
        saved: tuple[Tensor, Tensor] | None,
        needed: Sequence[bool],
        given: Sequence[Tensor | None],
        ragged: Ragged | None,
        *,
        overwrite: bool = False,
    ) -> list[Tensor | None]:
        """Run the derivative over time.

        Args:
            flat: the arguments of the forward pass.
            saved: its `sequence` and `kept`; None only where gradients are enabled.
            needed: which of the arguments need a gradient.
            given: the gradients of the outputs and of the final state's tensors; None is zero.
            ragged: which steps count, as in the forward pass.
            overwrite: whether what was saved is not read again, so that others may lie there.

        Returns:
            The gradient of each argument, None where none is needed. Where gradients are
            enabled, they can be differentiated again.
        """
        apart = torch.is_grad_enabled() or only_defined(part for part in given if part is not None)
        if saved is None or apart:
            arguments = Arguments.of(flat, self._counts)
            counting = Ragged(None, None)
            if ragged is not None:
                resets = ragged.resets if arguments.initial else None
                counting = Ragged(ragged.lengths, resets)
            return defined_gradients(self._program, arguments, counting, needed, given)
        given = _counted(given, ragged)
        known = [part for part in given if part is not None]
        missing = tuple(part is None for part in given)
        rest = ragged is None, available(), *_layout(flat), *_layout(known)
        key = "backward", overwrite, *needed, *missing, *rest
        plan: BackwardPlan | None = self._plans.get(key)
        if plan is None:
            plan = self._backward(flat, needed, given, ragged is not None, overwrite)
            self._remember(key, plan)
        return plan.run(flat, saved, given, ragged)

    def _backward(
        self,
        flat: Sequence[Tensor],
        needed: Sequence[bool],
        given: Sequence[Tensor | None],
        ragged: bool,
        overwrite: bool,
    ) -> BackwardPlan:
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
        derive = overwriting_derivative_of if overwrite else derivative_of
        found = derive(self._program, wanted)
        code = code_for(found.program, self._precision, backward=True, ragged=ragged, hoist=False)
        arguments = Arguments.of(flat, self._counts)
        places = KeptPlaces(self.code(keep=True, ragged=ragged), *arguments.inputs[0].shape[:2])
        return BackwardPlan(code, found, places, arguments, needed, given)

    def _remember(self, key: Hashable, plan: object) -> None:
        """Keep a plan, and no more of them than a program may have."""
        self._plans[key] = plan
        while len(self._plans) > _PLANS:
            self._plans.pop(next(iter(self._plans)), None)


def _layout(tensors: Sequence[Tensor]) -> list[Hashable]:
    """Return all that a plan depends on of the tensors of a call."""
    found: list[Hashable] = []
    for tensor in tensors:
        found += (tensor.shape, tensor.stride(), tensor.dtype)
    return found


def _counted(given: Sequence[Tensor | None], ragged: Ragged | None) -> Sequence[Tensor | None]:
    """Leave out the gradients of outputs that do not count."""
    outputs, *states = given
    if ragged is None or ragged.lengths is None or outputs is None:
        return given
    steps = torch.arange(outputs.shape[0]).unsqueeze(1)
    valid = (steps < ragged.lengths).unsqueeze(-1)
    return [outputs.where(valid, 0.0), *states]


class _Compiled(torch.autograd.Function):
    """The sequence as one differentiable operation on inputs, state and weights."""

    @staticmethod
    def forward(
        ctx: Any, native: Native, ragged: Ragged | None, *flat: Tensor
    ) -> tuple[Tensor, ...]:
        forward = native.forward(flat, ragged, keep=True)
        ctx.native, ctx.ragged = native, ragged
        # Saved, not kept here: so that checkpointing can drop them and make them again.
        ctx.save_for_backward(forward.outputs, forward.sequence, forward.kept, *flat)
        ctx.set_materialize_grads(False)
        return forward.outputs, *forward.states

    @staticmethod
    def backward(ctx: Any, *given: Tensor | None) -> tuple[Tensor | None, ...]:
        _, sequence, kept, *flat = ctx.saved_tensors
        needed = ctx.needs_input_grad[2:]
        # Where the graph is kept, another backward pass will read what was saved.
        last = not torch._C._autograd._get_current_graph_task_keep_graph()
        saved = sequence, kept
        found = ctx.native.gradients(flat, saved, needed, given, ctx.ragged, overwrite=last)
        return None, None, *found
