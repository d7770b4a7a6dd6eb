"""The plain time loop: the definition of correct for every other back end."""

from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from elman.cells import Cell
from elman.state import rebuild, tensors, where


def unroll_eager(
    cell: Cell[Any],
    inputs: Float[Tensor, "time batch input"],
    state: Any,
    lengths: Int[Tensor, " batch"] | None = None,
    resets: Bool[Tensor, "time batch"] | None = None,
    projected: Any = None,
) -> tuple[Float[Tensor, "time batch output"], Any]:
    """Run a cell forward over time, one step after the other.

    Args:
        cell: any cell.
        inputs: `[time, batch, input]`, at least one time step.
        state: the state before the first step.
        lengths: valid steps of each row, 0 to time; all of them if not given.
        resets: True where a row starts afresh before the step.
        projected: what the cell's `project` made of the inputs; made here if not given.

    Returns:
        Outputs `[time, batch, output]`, zero beyond a row's length, and the state after each
        row's last valid step.
    """
    if projected is None:
        projected = cell.project(inputs)
    initial = cell.initial_state(inputs.shape[1]) if resets is not None else None
    # Taken apart at once: the gradient of one step taken out is as large as all of them.
    steps = zip(*(part.unbind() for part in tensors(projected)), strict=True)
    outputs = []
    for t, parts in enumerate(steps):
        if resets is not None:
            state = where(resets[t], initial, state)
        output, new_state = cell.step(rebuild(projected, parts), state)
        if lengths is None:
            state = new_state
        else:
            valid = t < lengths
            state = where(valid, new_state, state)
            output = where(valid, output, torch.zeros_like(output))
        outputs.append(output)
    return torch.stack(outputs), state
