"""Gradient checkpointing over time: less memory for activations, more computing.

A chunk of steps keeps the state it starts from; what its backward pass needs besides is made
again by running it a second time. With chunks of the square root of the number of steps, the
memory of activations falls to that of about twice as many steps.
"""

from collections.abc import Callable
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from elman.cells import Cell
from elman.engine.programs import compiled
from elman.engine.trace import Untraceable
from elman.state import map_state

Run = Callable[..., tuple[Tensor, Any]]
"""Runs a cell forward over time: takes the cell, inputs, state, lengths, resets and, unless they
are None, the projected inputs; returns the outputs and the final state."""


def run_in_chunks(
    run: Run,
    every: int,
    cell: Cell[Any],
    inputs: Float[Tensor, "time batch input"],
    state: Any,
    lengths: Int[Tensor, " batch"] | None = None,
    resets: Bool[Tensor, "time batch"] | None = None,
) -> tuple[Float[Tensor, "time batch output"], Any]:
    """Run a cell forward over time, keeping for the backward pass only where chunks begin.

    A projection that may be no work of single steps, as one that draws a mask for the whole
    sequence, is made once and kept.

    Args:
        run: runs the cell over a chunk.
        every: steps of a chunk.
        cell: any cell.
        inputs: `[time, batch, input]`, at least one time step.
        state: the state before the first step.
        lengths: valid steps of each row, 0 to time; all of them if not given.
        resets: True where a row starts afresh before the step.

    Returns:
        Outputs and final state as `run` returns them.
    """
    # torch.func keeps activations in its own way, which knows no checkpoints.
    transformed = torch._C._functorch.peek_interpreter_stack() is not None
    if transformed or not torch.is_grad_enabled():
        return run(cell, inputs, state, lengths, resets)
    projected = None if _stepwise(cell, inputs, state) else cell.project(inputs)
    outputs = []
    for start in range(0, inputs.shape[0], every):
        chunk = slice(start, start + every)
        part = inputs[chunk]
        output, state = checkpoint(
            run,
            cell,
            part,
            state,
            None if lengths is None else (lengths - start).clamp(0, part.shape[0]),
            None if resets is None else resets[chunk],
            None if projected is None else map_state(lambda whole, c=chunk: whole[c], projected),
            use_reentrant=False,
        )
        outputs.append(output)
    return torch.cat(outputs), state


def _stepwise(cell: Cell[Any], inputs: Tensor, state: Any) -> bool:
    """Say whether a cell's projection is surely one of each step alone, and never random."""
    try:
        return compiled(cell, inputs, state).whole
    except Untraceable:
        return False
