"""The one verb of the engine: run a cell over time."""

from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from elman.cells import Cell, OuterCell
from elman.engine.choose import choose
from elman.engine.eager import unroll_eager
from elman.engine.fused import unroll_fused
from elman.state import tensors


def unroll(
    cell: Cell[Any],
    inputs: Float[Tensor, "time batch input"],
    state: Any = None,
    *,
    lengths: Int[Tensor, " batch"] | None = None,
    resets: Bool[Tensor, "time batch"] | None = None,
    reverse: bool = False,
) -> tuple[Float[Tensor, "time batch output"], Any]:
    """Run a cell over time.

    Args:
        cell: any cell.
        inputs: `[time, batch, input]`, at least one time step.
        state: the state before the first step; the cell's initial state if not given.
        lengths: valid steps of each row, 0 to time. Outputs beyond a row's length are zero, and
            its final state is the one after its last valid step.
        resets: True where, before that step, the row's state becomes the initial state.
        reverse: run each row from its last valid step to its first; outputs come back in the
            order of the inputs.

    Returns:
        Outputs `[time, batch, output]` and the final state.

    Raises:
        ValueError: if a shape or type does not fit the cell or the inputs, or a length lies
            outside 0 to time.
    """
    _check(cell, inputs, lengths, resets)
    if state is None:
        state = cell.initial_state(inputs.shape[1])
    else:
        _check_state(cell, inputs, state)
    if reverse:
        inputs = _reverse(inputs, lengths)
        resets = None if resets is None else _reverse(resets, lengths)
    outputs, state = _run(cell, inputs, state, lengths, resets)
    return (_reverse(outputs, lengths) if reverse else outputs), state


def _run(
    cell: Cell[Any],
    inputs: Tensor,
    state: Any,
    lengths: Tensor | None,
    resets: Tensor | None,
) -> tuple[Tensor, Any]:
    if isinstance(cell, OuterCell):
        outputs, state = _run(cell.cell, cell.enter(inputs), state, lengths, resets)
        outputs = cell.leave(outputs, inputs)
        if lengths is not None:
            valid = _steps(inputs) < lengths  # [time, batch]
            outputs = outputs.where(valid.unsqueeze(-1), torch.zeros_like(outputs))
        return outputs, state
    if choose(cell, inputs, lengths, resets, state).backend == "fused":
        return unroll_fused(cell, inputs, state, lengths)
    return unroll_eager(cell, inputs, state, lengths, resets)


def _steps(inputs: Tensor) -> Int[Tensor, "time 1"]:
    return torch.arange(inputs.shape[0], device=inputs.device).unsqueeze(1)


def _reverse(sequence: Tensor, lengths: Tensor | None) -> Tensor:
    """Reverse the valid steps of each row; steps beyond its length stay where they are."""
    if lengths is None:
        return sequence.flip(0)
    steps = _steps(sequence)
    source = torch.where(steps < lengths, lengths - 1 - steps, steps)  # [time, batch]
    rows = torch.arange(sequence.shape[1], device=sequence.device)
    return sequence[source, rows]


def _check(cell: Cell[Any], inputs: Tensor, lengths: Tensor | None, resets: Tensor | None) -> None:
    name, shape = type(cell).__name__, list(inputs.shape)
    if inputs.dim() != 3 or inputs.shape[0] < 1 or inputs.shape[2] != cell.input_size:
        raise ValueError(
            f"{name} expects inputs [time, batch, {cell.input_size}] of at least one time step, "
            f"got {shape}: the last axis must equal input_size."
        )
    weight = next(cell.parameters(), inputs)
    if inputs.dtype != weight.dtype and not torch.is_autocast_enabled(inputs.device.type):
        raise ValueError(
            f"{name} has {weight.dtype} weights and got {inputs.dtype} inputs: convert the inputs "
            f"with .to({weight.dtype}) or the cell with .to({inputs.dtype})."
        )
    if lengths is not None:
        if lengths.shape != inputs.shape[1:2]:
            raise ValueError(
                f"lengths must have one entry for each of the {shape[1]} rows, "
                f"got shape {list(lengths.shape)}."
            )
        if lengths.is_floating_point() or lengths.is_complex() or lengths.dtype == torch.bool:
            raise ValueError(f"lengths must be integers, got {lengths.dtype}.")
        # A compiled program cannot branch on values; there the lengths are taken as they are.
        checked = lengths.numel() > 0 and not torch.compiler.is_compiling()
        if checked and not 0 <= int(lengths.min()) <= int(lengths.max()) <= shape[0]:
            raise ValueError(
                f"lengths must lie between 0 and the {shape[0]} time steps, "
                f"got {int(lengths.min())} to {int(lengths.max())}."
            )
    if resets is not None and (resets.shape != inputs.shape[:2] or resets.dtype != torch.bool):
        raise ValueError(
            f"resets must be a bool tensor [time, batch] = {shape[:2]}, "
            f"got {resets.dtype} {list(resets.shape)}."
        )


def _check_state(cell: Cell[Any], inputs: Tensor, state: Any) -> None:
    name, batch = type(cell).__name__, inputs.shape[1]
    expected, given = list(tensors(cell.initial_state(batch))), list(tensors(state))
    if len(expected) != len(given):
        raise ValueError(
            f"{name} expects a state of {len(expected)} tensors, got {len(given)}: "
            "start from its initial_state."
        )
    for wanted, part in zip(expected, given, strict=True):
        if wanted.shape != part.shape:
            raise ValueError(
                f"{name} expects a state part of shape {list(wanted.shape)} "
                f"for a batch of {batch}, got {list(part.shape)}."
            )
        if wanted.dtype != part.dtype and not torch.is_autocast_enabled(inputs.device.type):
            raise ValueError(
                f"{name} expects a state part of {wanted.dtype}, got {part.dtype}: "
                f"convert the state with .to({wanted.dtype})."
            )
