"""The one verb of the engine: run a cell over time."""

from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from elman.cells import Cell, LinearCell, OuterCell, ReservoirCell
from elman.engine.checkpoint import run_in_chunks
from elman.engine.choose import choose
from elman.engine.compiled import unroll_compiled
from elman.engine.definition import check_lengths
from elman.engine.eager import unroll_eager
from elman.engine.fused import unroll_fused
from elman.engine.reservoir import unroll_reservoir
from elman.state import tensors


def unroll(
    cell: Cell[Any],
    inputs: Float[Tensor, "time batch input"],
    state: Any = None,
    *,
    lengths: Int[Tensor, " batch"] | None = None,
    resets: Bool[Tensor, "time batch"] | None = None,
    reverse: bool = False,
    checkpoint_every: int | None = None,
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
        checkpoint_every: steps of a chunk; the backward pass runs each chunk again instead of
            keeping its activations, which saves memory. Nothing is run again if not given.

    Returns:
        Outputs `[time, batch, output]` and the final state.

    Raises:
        ValueError: if a shape or type does not fit the cell or the inputs, a length lies
            outside 0 to time, or a chunk has no step.
    """
    _check(cell, inputs, lengths, resets)
    if checkpoint_every is not None and checkpoint_every < 1:
        raise ValueError(f"unroll: checkpoint_every must be at least 1, got {checkpoint_every}.")
    if state is None:
        state = cell.initial_state(inputs.shape[1])
    else:
        _check_state(cell, inputs, state)
    if reverse:
        inputs = _reverse(inputs, lengths)
        resets = None if resets is None else _reverse(resets, lengths)
    outputs, state = _run(cell, inputs, state, lengths, resets, checkpoint_every)
    return (_reverse(outputs, lengths) if reverse else outputs), state


def _run(
    cell: Cell[Any],
    inputs: Tensor,
    state: Any,
    lengths: Tensor | None,
    resets: Tensor | None,
    checkpoint_every: int | None,
) -> tuple[Tensor, Any]:
    if isinstance(cell, OuterCell):
        inner = cell.enter(inputs)
        outputs, state = _run(cell.cell, inner, state, lengths, resets, checkpoint_every)
        outputs = cell.leave(outputs, inputs)
        if lengths is not None:
            valid = _steps(inputs) < lengths  # [time, batch]
            outputs = outputs.where(valid.unsqueeze(-1), torch.zeros_like(outputs))
        return outputs, state
    if checkpoint_every is None:
        return _run_whole(cell, inputs, state, lengths, resets)
    return run_in_chunks(_run_whole, checkpoint_every, cell, inputs, state, lengths, resets)


def _run_whole(
    cell: Cell[Any],
    inputs: Tensor,
    state: Any,
    lengths: Tensor | None,
    resets: Tensor | None,
    projected: Any = None,
) -> tuple[Tensor, Any]:
    if torch.compiler.is_compiling():
        # Imported here, as it needs torch's own compiler, which takes more than a second.
        from elman.engine.operators import unroll_in_graph

        return unroll_in_graph(cell, inputs, state, lengths, resets, projected)
    choice = choose(cell, inputs, state, lengths, resets)
    match choice.backend:
        case "compiled":
            program = choice.program
            return unroll_compiled(cell, inputs, state, lengths, resets, projected, program)
        case "reservoir":
            assert isinstance(cell, ReservoirCell)
            return unroll_reservoir(cell, inputs, state, lengths, resets, projected)
        case "fused":
            return unroll_fused(cell, inputs, state, lengths)
        case "scan":
            from elman.engine.triton.scan import unroll_scan

            assert isinstance(cell, LinearCell)
            return unroll_scan(cell, inputs, state, lengths, resets)
        case "triton":
            from elman.engine.triton.unroll import unroll_triton

            return unroll_triton(cell, inputs, state, lengths, resets)
        case _:
            try:
                return unroll_eager(cell, inputs, state, lengths, resets, projected)
            except Exception as error:
                reasons = "; ".join(choice.against)
                error.add_note(f"{type(cell).__name__} runs on the plain loop, because {reasons}.")
                raise


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
    if isinstance(cell, ReservoirCell) and cell.rows not in (None, shape[1]):
        raise ValueError(
            f"{name} has settings of its own for each of {cell.rows} rows, got inputs {shape}: "
            f"the batch must have {cell.rows} rows."
        )
    weight = _any_weight(cell, inputs)
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
        # A compiled graph cannot branch on values: there the operator checks them.
        if not torch.compiler.is_compiling():
            check_lengths(lengths, shape[0])
    if resets is not None and (resets.shape != inputs.shape[:2] or resets.dtype != torch.bool):
        raise ValueError(
            f"resets must be a bool tensor [time, batch] = {shape[:2]}, "
            f"got {resets.dtype} {list(resets.shape)}."
        )


def _any_weight(module: nn.Module, otherwise: Tensor) -> Tensor:
    """Return a module's first parameter, as `parameters` does but at once."""
    for weight in module._parameters.values():
        if weight is not None:
            return weight
    for inner in module._modules.values():
        if inner is not None:
            found = _any_weight(inner, otherwise)
            if found is not otherwise:
                return found
    return otherwise


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
