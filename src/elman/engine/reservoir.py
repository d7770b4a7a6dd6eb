"""Reservoirs of leaky units on native code of their own, without gradients.

Native code multiplies a few inputs itself. The product of more inputs is done a few steps ahead, so
that it need not be kept for all of them. Where a row is reset or ends, the native code pauses.
"""

from itertools import pairwise
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from elman.cells import ReservoirCell, SparseMap
from elman.cells.base import LeakyUnits
from elman.engine.definition import only_defined
from elman.engine.native.reservoir import lanes
from elman.engine.native.reservoir_loop import ReservoirLoop
from elman.engine.native.workspace import Workspace
from elman.state import rebuild, tensors

AHEAD = 2**16
"""Numbers of the inputs' product that are made at a time, about."""

MOST_FUSED = 8
"""Inputs up to which native code multiplies them itself."""

LARGEST_DENSE = 1000
"""Units from which torch multiplies by a matrix with all its entries as fast."""


def unroll_reservoir(
    cell: ReservoirCell[Any],
    inputs: Float[Tensor, "time batch input"],
    state: Any,
    lengths: Int[Tensor, " batch"] | None = None,
    resets: Bool[Tensor, "time batch"] | None = None,
    projected: Any = None,
) -> tuple[Float[Tensor, "time batch output"], Any]:
    """Run a reservoir forward over time, without gradients.

    Args:
        cell: a cell that `reason_against_reservoir` has no reason against.
        inputs: `[time, batch, input]`, at least one time step.
        state: the state before the first step.
        lengths: valid steps of each row, 0 to time; all of them if not given.
        resets: True where a row starts afresh before the step.
        projected: what the cell's `project` made of the inputs; made here if not given.

    Returns:
        Outputs and final state as `unroll_eager` returns them.
    """
    units = _described(cell)
    assert units is not None
    fused = projected is None and units.drive is not None and inputs.shape[2] <= MOST_FUSED
    (before,) = tensors(state)
    (initial,) = tensors(cell.initial_state(len(before)))
    with torch.no_grad():
        outputs = _borrowed(len(inputs), before)
        loop = ReservoirLoop(units, before, fused=fused)
        final = before.clone()
        most = len(inputs) if fused else max(1, AHEAD // outputs[0].numel())
        for start, end in pairwise(_stops(most, len(inputs), lengths, resets)):
            if resets is not None and resets[start].any():
                loop.write(initial.where(resets[start].unsqueeze(1), loop.read()))
            if fused:
                drive = inputs[start:end]
            elif projected is None:
                drive = cell.project(inputs[start:end])
            else:
                drive = projected[start:end]
            loop.run(drive, outputs[start:end])
            if lengths is not None:
                final = loop.read().where((lengths == end).unsqueeze(1), final)
        if lengths is None:
            return outputs, rebuild(state, [loop.read()])
        for row, length in enumerate(lengths.tolist()):
            outputs[length:, row] = 0
            if resets is not None and resets[length:, row].any():
                final[row] = initial[row]
    return outputs, rebuild(state, [final])


def reason_against_reservoir(
    cell: ReservoirCell[Any], inputs: Float[Tensor, "time batch input"], state: Any
) -> str | None:
    """Say why a reservoir cannot run on its native code.

    Args:
        cell: the reservoir.
        inputs: `[time, batch, input]`.
        state: the state before the first step.

    Returns:
        One clause, or None if it can.
    """
    units = _described(cell)
    if units is None:
        return f"the step of {type(cell).__name__} is not known to be one of leaky units"
    recurrent_map = units.recurrent_map
    if type(recurrent_map) not in (SparseMap, nn.Linear):
        return f"its recurrence is of the type {type(recurrent_map).__name__}"
    if torch.is_grad_enabled() and any(
        part.requires_grad for part in (inputs, *tensors(state), *cell.parameters())
    ):
        return "a reservoir's native code has no gradients"
    weight: Any = recurrent_map.weight
    kinds = {part.dtype for part in (inputs, weight, *tensors(state))}
    if type(recurrent_map) is nn.Linear:
        if kinds == {torch.float32} and cell.rows is None:
            return "its recurrence is stored with its zeros, which compiled code does as fast"
        if cell.output_size > LARGEST_DENSE:
            return f"its recurrence is stored with its zeros for more than {LARGEST_DENSE} units"
    if kinds not in ({torch.float32}, {torch.float64}):
        return "a reservoir's native code computes in torch.float32 or torch.float64 alone"
    if cell.output_size < lanes(double=weight.dtype == torch.float64):
        return "it has fewer units than a vector of the processor"
    return only_defined((weight,))


def _borrowed(time: int, like: Float[Tensor, "batch hidden"]) -> Tensor:
    batch, hidden = like.shape
    floats = hidden * like.element_size() // 4
    return Workspace().borrow((time, batch, floats)).view(like.dtype)


def _described(cell: ReservoirCell[Any]) -> LeakyUnits | None:
    """Return how a cell describes its step, without what a subclass has changed since."""
    kind = type(cell)
    owner = next(base for base in kind.__mro__ if "leaky_units" in base.__dict__)
    units = cell.leaky_units() if kind.step is getattr(owner, "step", None) else None
    if units is not None and kind.project is not getattr(owner, "project", None):
        return units._replace(drive=None)
    return units


def _stops(most: int, time: int, lengths: Tensor | None, resets: Tensor | None) -> list[int]:
    """Return the steps at which the native code starts, pauses and ends."""
    stops = {*range(0, time, most), time}
    if lengths is not None:
        stops.update(lengths.tolist())
    if resets is not None:
        stops.update(resets.any(dim=1).nonzero().flatten().tolist())
    return sorted(stops)
