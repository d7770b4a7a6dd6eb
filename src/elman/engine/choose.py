"""Which back end runs a cell, and why."""

from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor

from elman.cells import Cell, OuterCell, ReservoirCell
from elman.engine.definition import only_defined, only_defined_weights
from elman.engine.fused import FUSED_CELLS
from elman.engine.native.target import host
from elman.engine.programs import Compiled, compiled
from elman.engine.reservoir import reason_against_reservoir
from elman.engine.trace import Untraceable
from elman.state import tensors

Backend = Literal["reservoir", "compiled", "fused", "scan", "triton", "eager"]


class Choice(NamedTuple):
    """What runs a cell.

    Attributes:
        backend: the back end.
        against: why no faster one was taken, one clause each.
        program: the cell's program, for native code.
    """

    backend: Backend
    against: tuple[str, ...] = ()
    program: Compiled | None = None


class _Call(NamedTuple):
    cell: Cell[Any]
    inputs: Tensor
    state: Any
    lengths: Tensor | None
    resets: Tensor | None


def choose(
    cell: Cell[Any],
    inputs: Tensor,
    state: Any,
    lengths: Tensor | None = None,
    resets: Tensor | None = None,
) -> Choice:
    """Pick the fastest back end that computes what the eager definition does.

    Args:
        cell: the cell, without wrappers that act outside its recurrence.
        inputs: `[time, batch, input]`.
        state: the state before the first step.
        lengths: as in `unroll`.
        resets: as in `unroll`.

    Returns:
        The back end and the reasons against faster ones.
    """
    call = _Call(cell, inputs, state, lengths, resets)
    against = []
    if inputs.device.type == "cpu":
        if isinstance(cell, ReservoirCell):
            reason = _against_reservoir(call)
            if reason is None:
                return Choice("reservoir")
            against.append(reason)
        program = _compilable(call)
        if isinstance(program, Compiled):
            return Choice("compiled", tuple(against), program)
        against.append(program)
    for backend, obstacle in _ON_GPU if inputs.device.type == "cuda" else _ON_GPU[:1]:
        reason = obstacle(call)
        if reason is None:
            return Choice(backend, tuple(against))
        against.append(reason)
    return Choice("eager", tuple(dict.fromkeys(against)))


def explain(cell: Cell[Any], inputs: Tensor) -> str:
    """Say which back end `unroll` takes for a cell and inputs, and why no faster one.

    Args:
        cell: any cell.
        inputs: `[time, batch, input]`.

    Returns:
        One line naming the back end and each reason a faster one was not taken.
    """
    outer = []
    while isinstance(cell, OuterCell):
        outer.append(type(cell).__name__)
        cell = cell.cell
    choice = choose(cell, inputs, cell.initial_state(inputs.shape[1]))
    around = f" ({', '.join(outer)} applied once around the sequence)" if outer else ""
    said = {
        "reservoir": "native code for reservoirs",
        "compiled": f"native code compiled from the step of {type(cell).__name__}",
        "fused": f"torch's fused kernel for {type(cell).__name__}",
        "scan": "a parallel scan over time",
        "triton": f"Triton kernels made from the step of {type(cell).__name__}",
        "eager": "the plain loop",
    }[choice.backend]
    because = f", because {'; '.join(choice.against)}" if choice.against else ""
    return f"{choice.backend}: {said}{around}{because}."


def _compilable(call: _Call) -> Compiled | str:
    """Return the cell's program, or why native code cannot run it."""
    reason = _against_precision(call) or _beyond_kernels(call)
    if reason is not None:
        return reason
    if isinstance(call.cell, ReservoirCell) and call.cell.rows is not None:
        return "the compiler handles no cell with settings of its own for each row"
    if call.inputs.numel() == 0:
        return "there is nothing to compute"
    try:
        return compiled(call.cell, call.inputs.float(), call.state)
    except Untraceable as error:
        return str(error)


def _against_reservoir(call: _Call) -> str | None:
    assert isinstance(call.cell, ReservoirCell)
    if call.inputs.numel() == 0:
        return "there is nothing to compute"
    return _against_kernels(call) or reason_against_reservoir(call.cell, call.inputs, call.state)


def _against_precision(call: _Call) -> str | None:
    """Return why native code cannot compute in the wanted types."""
    given = call.inputs.dtype
    if not torch.is_autocast_enabled("cpu"):
        if given == torch.float32:
            return None
        return f"the compiler handles torch.float32, not {given}"
    if torch.get_autocast_dtype("cpu") != torch.bfloat16 or not host().has_bfloat16:
        return f"this processor multiplies no {torch.get_autocast_dtype('cpu')} numbers"
    weights = {part.dtype for part in tensors(call.cell.initial_state(1))}
    if weights == {torch.float32} and given in (torch.float32, torch.bfloat16):
        return None
    return "under autocast the compiler rounds torch.float32 to torch.bfloat16 and nothing else"


def _against_fused(call: _Call) -> str | None:
    if type(call.cell) not in FUSED_CELLS:
        return f"torch has no fused kernel for {type(call.cell).__name__}"
    if call.resets is not None:
        return "torch's fused kernels cannot reset rows within a sequence"
    reason = _against_kernels(call)
    if reason is not None:
        return reason
    lengths = call.lengths
    if lengths is not None and not (lengths.numel() and bool((lengths > 0).all())):
        return "torch's fused kernels need at least one valid step in each row"
    return None


def _against_kernels(call: _Call) -> str | None:
    if torch.is_autocast_enabled(call.inputs.device.type):
        return "under autocast each operation picks its own precision"
    return _beyond_kernels(call)


def _beyond_kernels(call: _Call) -> str | None:
    """Return what only the definition can do."""
    return only_defined((call.inputs, *tensors(call.state))) or only_defined_weights(call.cell)


def _against_scan(call: _Call) -> str | None:
    from elman.engine.triton.scan import reasons_against_scan

    return _against_kernels(call) or reasons_against_scan(call.cell)


def _against_triton(call: _Call) -> str | None:
    from elman.engine.triton.unroll import reasons

    return _against_kernels(call) or reasons(call.cell, call.inputs)


_ON_GPU: tuple[tuple[Backend, Callable[[_Call], str | None]], ...] = (
    ("fused", _against_fused),
    ("scan", _against_scan),
    ("triton", _against_triton),
)
"""Back ends of a GPU, the fastest first; the first is torch's own and runs anywhere."""
