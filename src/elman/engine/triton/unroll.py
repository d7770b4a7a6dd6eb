"""Any cell on Triton kernels made from its own step, as one differentiable operation."""

from collections.abc import Sequence
from functools import cache
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from elman.cells import Cell
from elman.engine.compiler.program import Program, Source
from elman.engine.definition import Arguments, Ragged, defined_gradients, gathered, only_defined
from elman.engine.programs import compiled
from elman.engine.trace import Untraceable
from elman.engine.triton.available import can_launch, is_installed
from elman.engine.triton.execute import run_backward, run_forward
from elman.engine.triton.kernel import Setting
from elman.engine.triton.plan import Plans, inference_plan, training_plans
from elman.state import rebuild, tensors


def reasons(cell: Cell[Any], inputs: Tensor) -> str | None:
    """Say why a cell cannot run on Triton kernels.

    Args:
        cell: any cell.
        inputs: `[time, batch, input]`.

    Returns:
        One clause, or None if it can.
    """
    if not is_installed():
        return "Triton is not installed (pip install elman[gpu])"
    if not can_launch(inputs.device):
        return "Triton kernels run on a GPU"
    if inputs.dtype not in (torch.float32, torch.float64):
        return f"the kernels handle torch.float32 and torch.float64, not {inputs.dtype}"
    if inputs.numel() == 0:
        return "there is nothing to compute"
    try:
        compiled(cell, inputs, cell.initial_state(inputs.shape[1]))
    except Untraceable as reason:
        return str(reason)
    return None


def unroll_triton(
    cell: Cell[Any],
    inputs: Float[Tensor, "time batch input"],
    state: Any,
    lengths: Int[Tensor, " batch"] | None = None,
    resets: Bool[Tensor, "time batch"] | None = None,
) -> tuple[Float[Tensor, "time batch output"], Any]:
    """Run a cell forward over time on Triton kernels.

    Args:
        cell: a cell for which `reasons` finds none.
        inputs: `[time, batch, input]`, at least one time step and one row.
        state: the state before the first step.
        lengths: valid steps of each row, 0 to time; all of them if not given.
        resets: True where a row starts afresh before the step.

    Returns:
        Outputs and final state as `unroll_eager` returns them.

    Raises:
        Untraceable: if the cell's step is no flat program.
    """
    found = compiled(cell, inputs, state)
    leaves = [inputs] if found.whole else list(tensors(cell.project(inputs)))
    arguments = gathered(cell, found.traced.constants(cell), leaves, state, resets)
    setting = _setting(inputs, ragged=lengths is not None, resets=resets is not None)
    call = _Call(found.traced.program, Ragged(lengths, resets), setting, arguments)
    outputs, *after = call.run([tensor for group in arguments for tensor in group])
    after = [part.view(like.shape) for part, like in zip(after, tensors(state), strict=True)]
    return outputs, rebuild(state, after)


def _setting(inputs: Tensor, *, ragged: bool, resets: bool) -> Setting:
    double = inputs.dtype == torch.float64
    precision = "ieee"
    if not double and torch.version.hip is None:
        # Three products of halves of each number, on the fast units, err as little as one of
        # whole numbers; some versions of Triton fail to compile the latter.
        exact = torch.get_float32_matmul_precision() == "highest"
        precision = "tf32x3" if exact else "tf32"
    memory = _memory(inputs.device) if inputs.is_cuda else Setting.memory
    return Setting(False, ragged, resets, double, precision, memory)


@cache
def _memory(device: torch.device) -> int:
    from triton.runtime import driver

    return int(driver.active.utils.get_device_properties(device.index)["max_shared_mem"])


class _Call:
    """What a call needs besides the tensors that may have gradients."""

    def __init__(
        self, program: Program, ragged: Ragged, setting: Setting, arguments: Arguments
    ) -> None:
        self.program = program
        self.ragged = ragged
        self.setting = setting
        self.counts = tuple(len(group) for group in arguments)

    def run(self, flat: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """Return the outputs and the state's tensors after the last step."""
        if torch.is_grad_enabled() and any(tensor.requires_grad for tensor in flat):
            return _Unrolled.apply(self, *flat)
        plan = inference_plan(self.program, self.setting)
        arguments = Arguments.of(flat, self.counts)
        forward = run_forward(plan, arguments, self.ragged, keep=False)
        return forward.outputs, *forward.states

    def plans(self, needed: Sequence[bool]) -> Plans:
        """Return what is launched where some of the arguments need gradients."""
        kinds = ("input", "state", "initial", "vector", "matrix")
        remaining = iter(needed)
        wanted = frozenset(
            Source(kind, index)
            for kind, count in zip(kinds, self.counts, strict=True)
            for index in range(count)
            # The gradient of the state carries those of the steps before.
            if next(remaining) or kind == "state"
        )
        return training_plans(self.program, self.setting, wanted)


class _Unrolled(torch.autograd.Function):
    """The sequence as one differentiable operation on inputs, state and weights."""

    @staticmethod
    def forward(ctx: Any, call: _Call, *flat: Tensor) -> tuple[Tensor, ...]:
        arguments = Arguments.of(flat, call.counts)
        ctx.call, ctx.plans = call, call.plans(ctx.needs_input_grad[1:])
        forward = run_forward(ctx.plans.forward, arguments, call.ragged, keep=True)
        ctx.sources = tuple(forward.kept)
        # Saved, not kept here: so that checkpointing can drop them and make them again.
        ctx.save_for_backward(*forward.kept.values(), *flat)
        ctx.set_materialize_grads(False)
        return forward.outputs, *forward.states

    @staticmethod
    def backward(ctx: Any, *given: Tensor | None) -> tuple[Tensor | None, ...]:
        call, needed = ctx.call, ctx.needs_input_grad[1:]
        saved = ctx.saved_tensors
        kept = dict(zip(ctx.sources, saved, strict=False))
        arguments = Arguments.of(saved[len(kept) :], call.counts)
        if torch.is_grad_enabled() or only_defined(part for part in given if part is not None):
            return None, *defined_gradients(call.program, arguments, call.ragged, needed, given)
        outputs, *states = given
        gradients = run_backward(ctx.plans, kept, arguments, call.ragged, outputs, states)
        flat = [gradient for group in gradients for gradient in group]
        return None, *(
            gradient if need else None for gradient, need in zip(flat, needed, strict=True)
        )
