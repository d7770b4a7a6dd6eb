"""Linear recurrences by a parallel scan over time."""

from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from elman.cells import Cell, LinearCell
from elman.engine.triton.available import can_launch
from elman.state import rebuild, tensors

STEPS = 64
"""Time steps that one program instance scans at once."""
FEATURES = 32
"""Features that one program instance scans."""


def reasons_against_scan(cell: Cell[Any]) -> str | None:
    """Say why a cell cannot be run by a scan.

    Args:
        cell: any cell.

    Returns:
        One clause, or None if it can.
    """
    if not isinstance(cell, LinearCell):
        return f"{type(cell).__name__} is no linear recurrence"
    return None


def unroll_scan(
    cell: LinearCell[Any],
    inputs: Float[Tensor, "time batch input"],
    state: Any,
    lengths: Int[Tensor, " batch"] | None = None,
    resets: Bool[Tensor, "time batch"] | None = None,
) -> tuple[Float[Tensor, "time batch output"], Any]:
    r"""Run a linear cell forward over time, all steps at once.

    Steps of a linear recurrence compose: $h \to a_2 (a_1 h + b_1) + b_2$ is such a step again. So
    the states of $T$ steps are found in about $\log T$ rounds.

    Args:
        cell: a cell whose state is linear in the state before.
        inputs: `[time, batch, input]`, at least one time step.
        state: the state before the first step.
        lengths: valid steps of each row, 0 to time; all of them if not given.
        resets: True where a row starts afresh before the step.

    Returns:
        Outputs and final state as `unroll_eager` returns them.

    Reference:
        Blelloch 1990, "Prefix sums and their applications", section 1.4.
    """
    projected = cell.project(inputs)
    a, b = torch.broadcast_tensors(*cell.coefficients(projected))
    valid = None
    if lengths is not None:
        steps = torch.arange(len(inputs), device=inputs.device).unsqueeze(1)
        valid = (steps < lengths).unsqueeze(-1)  # [time, batch, 1]
        a, b = torch.where(valid, a, 1.0), torch.where(valid, b, 0.0)
    if resets is not None:
        again = resets.unsqueeze(-1)
        fresh = _joined(cell.initial_state(inputs.shape[1]))
        a, b = torch.where(again, 0.0, a), torch.where(again, a * fresh + b, b)
    states = linear_scan(a, b, _joined(state))
    parts = [states.real, states.imag] if states.is_complex() else [states]
    outputs = cell.read(projected, rebuild(state, parts))
    if valid is not None:
        outputs = torch.where(valid, outputs, 0.0)
    return outputs, rebuild(state, [part[-1] for part in parts])


def linear_scan(a: Tensor, b: Tensor, start: Tensor, *, reverse: bool = False) -> Tensor:
    r"""Return all states of $h_t = a_t \odot h_{t-1} + b_t$, differentiable to any order.

    Args:
        a: factors `[time, batch, hidden]`, real or complex.
        b: addends, of the same shape and type.
        start: the state before the first step, `[batch, hidden]`.
        reverse: whether time runs from the last step to the first.

    Returns:
        The states `[time, batch, hidden]`.
    """
    if torch.is_grad_enabled() and (a.requires_grad or b.requires_grad or start.requires_grad):
        return _Scan.apply(a, b, start, reverse)
    return _scanned(a, b, start, reverse)


class _Scan(torch.autograd.Function):
    """The scan as one differentiable operation, whose gradient is a scan the other way."""

    @staticmethod
    def forward(ctx: Any, a: Tensor, b: Tensor, start: Tensor, reverse: bool) -> Tensor:
        states = _scanned(a, b, start, reverse)
        ctx.reverse = reverse
        ctx.save_for_backward(a, start, states)
        return states

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        a, start, states = ctx.saved_tensors
        factor = a.conj()
        later = _shifted(factor, torch.zeros_like(start), not ctx.reverse)
        b = linear_scan(later, gradient, torch.zeros_like(start), reverse=not ctx.reverse)
        earlier = _shifted(states, start, ctx.reverse)
        first = -1 if ctx.reverse else 0
        return b * earlier.conj(), b, factor[first] * b[first], None


def _shifted(sequence: Tensor, edge: Tensor, reverse: bool) -> Tensor:
    """Return what each step finds before it, in time or, if reversed, after it."""
    if reverse:
        return torch.cat([sequence[1:], edge.unsqueeze(0)])
    return torch.cat([edge.unsqueeze(0), sequence[:-1]])


def _scanned(a: Tensor, b: Tensor, start: Tensor, reverse: bool) -> Tensor:
    if can_launch(a.device) and a.numel() > 0:
        return _launched(a, b, start, reverse)
    if reverse:
        return _doubled(a.flip(0), b.flip(0), start).flip(0)
    return _doubled(a, b, start)


def _doubled(a: Tensor, b: Tensor, start: Tensor) -> Tensor:
    """Join each step with the one before, then with the two before, the four before, ..."""
    reach = 1
    while reach < len(a):
        b = torch.cat([b[:reach], a[reach:] * b[:-reach] + b[reach:]])
        a = torch.cat([a[:reach], a[reach:] * a[:-reach]])
        reach *= 2
    return a * start + b


def _launched(a: Tensor, b: Tensor, start: Tensor, reverse: bool) -> Tensor:
    from elman.engine.triton.scan_kernel import scan

    time, width = len(a), start.numel()
    result = torch.empty_like(b, memory_format=torch.contiguous_format)
    given = [_numbers(tensor) for tensor in (a, b, start, result)]
    with torch.cuda.device_of(a):
        scan[(-(-width // FEATURES),)](
            *(*given, time, width),
            reverse=reverse,
            complex=a.is_complex(),
            steps=STEPS,
            features=FEATURES,
            enable_fp_fusion=True,
        )
    return result


def _numbers(tensor: Tensor) -> Tensor:
    """Show a tensor as the real numbers that lie in memory."""
    tensor = tensor.resolve_conj().contiguous()
    return torch.view_as_real(tensor) if tensor.is_complex() else tensor


def _joined(state: Any) -> Tensor:
    """Return a linear cell's state as one tensor."""
    parts = list(tensors(state))
    return parts[0] if len(parts) == 1 else torch.complex(*parts)
