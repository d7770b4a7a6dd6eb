"""Which back end runs a cell, and why."""

from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor
from torch.autograd import forward_ad

from elman.cells import Cell, OuterCell
from elman.engine.fused import FUSED_CELLS
from elman.state import tensors

Backend = Literal["fused", "eager"]


class Choice(NamedTuple):
    """A back end and the reason for it, one sentence."""

    backend: Backend
    reason: str


def choose(
    cell: Cell[Any],
    inputs: Tensor,
    lengths: Tensor | None = None,
    resets: Tensor | None = None,
    state: Any = (),
) -> Choice:
    """Pick the fastest back end that computes what the eager definition does.

    Args:
        cell: the cell, without wrappers that act outside its recurrence.
        inputs: `[time, batch, input]`.
        lengths: as in `unroll`.
        resets: as in `unroll`.
        state: the state before the first step.

    Returns:
        The back end and the reason.
    """
    name = type(cell).__name__
    if type(cell) not in FUSED_CELLS:
        return Choice("eager", f"torch has no fused kernel for {name}")
    if resets is not None:
        return Choice("eager", "torch's fused kernels cannot reset rows within a sequence")
    if torch.compiler.is_compiling():
        return Choice("eager", "torch.compile fuses the plain loop itself")
    if torch._C._functorch.peek_interpreter_stack() is not None:
        return Choice("eager", "inside a torch.func transform the fused kernels have no rule")
    if _carries_tangent([inputs, *tensors(state), *cell.parameters()]):
        return Choice("eager", "torch's fused kernels have no forward-mode derivative")
    if torch.is_autocast_enabled(inputs.device.type):
        return Choice("eager", "under autocast each operation picks its own precision")
    if lengths is not None and not (lengths.numel() and bool((lengths > 0).all())):
        return Choice("eager", "torch's fused kernels need at least one valid step in each row")
    return Choice("fused", f"torch has a fused kernel for {name}")


def explain(cell: Cell[Any], inputs: Tensor) -> str:
    """Say which back end `unroll` takes for a cell and inputs, and why.

    Args:
        cell: any cell.
        inputs: `[time, batch, input]`.

    Returns:
        One line naming the back end and the reason.
    """
    outer = []
    while isinstance(cell, OuterCell):
        outer.append(type(cell).__name__)
        cell = cell.cell
    choice = choose(cell, inputs)
    around = f" ({', '.join(outer)} applied once around the sequence)" if outer else ""
    return f"{choice.backend}: {choice.reason}{around}."


def _carries_tangent(arguments: list[Tensor]) -> bool:
    if forward_ad._current_level < 0:
        return False
    return any(forward_ad.unpack_dual(tensor).tangent is not None for tensor in arguments)
