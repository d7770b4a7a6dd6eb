"""Laws of one step: shapes, types, independence of rows, nothing changed in place."""

import itertools
from typing import Any

import torch

from elman.cells import Cell
from elman.engine import unroll
from elman.state import map_state, select, tensors
from elman.testing.sample import BATCH, TIME, Make, draw, require, require_equal


def check_shapes(make: Make) -> None:
    """Every tensor has the shape and type that the contract gives it, in float32 and float64.

    Args:
        make: builds a new cell.
    """
    for dtype in (torch.float32, torch.float64):
        cell = make().to(dtype).eval()
        state = cell.initial_state(BATCH)
        require(
            all(part.shape[:1] == (BATCH,) for part in tensors(state)),
            "The first axis of every tensor of the initial state must be the batch.",
        )
        inputs = torch.zeros(TIME, BATCH, cell.input_size, dtype=dtype)
        for part in tensors(cell.project(inputs)):
            require(
                part.shape[:2] == (TIME, BATCH),
                "The projection of a sequence must have the leading axes [time, batch], "
                f"got {list(part.shape)}.",
            )
        output, after = cell.step(cell.project(inputs[0]), state)
        require(
            output.shape == (BATCH, cell.output_size) and output.dtype == dtype,
            f"The output of a step must be {dtype} [batch, output_size] = "
            f"{[BATCH, cell.output_size]}, got {output.dtype} {list(output.shape)}.",
        )
        require(
            _layout(after) == _layout(state),
            "A step must return a state of the structure, shapes and types of the initial "
            f"state, {_layout(state)}, got {_layout(after)}.",
        )


def check_initial_state_follows_weights(make: Make) -> None:
    """The initial state is on the device and in the type of the weights.

    Args:
        make: builds a new cell.
    """
    cell = make().double()
    if _device(cell) is None:
        return
    require(
        all(
            part.dtype == torch.float64
            for part in tensors(cell.initial_state(BATCH))
            if part.is_floating_point()
        ),
        "The initial state must be in the type of the weights, here float64.",
    )
    # The meta device stands for an accelerator: it holds shapes only and exists everywhere.
    cell = cell.to("meta")
    require(
        all(part.device.type == "meta" for part in tensors(cell.initial_state(BATCH))),
        "The initial state must be on the device of the weights.",
    )


def check_projection(make: Make) -> None:
    """A sequence projected at once equals its steps projected one by one.

    Args:
        make: builds a new cell.
    """
    cell, inputs, _ = draw(make)
    whole = cell.project(inputs)
    for t, step_inputs in enumerate(inputs):
        require_equal(
            map_state(lambda part, t=t: part[t], whole),
            cell.project(step_inputs),
            "Projecting a sequence must equal projecting each of its steps.",
        )


def check_rows(make: Make) -> None:
    """The rows of a batch do not see each other.

    Args:
        make: builds a new cell.
    """
    cell, inputs, state = draw(make)
    output, after = cell.step(cell.project(inputs[0]), state)
    for row in range(BATCH):
        alone = torch.tensor([row])
        expected = cell.step(cell.project(inputs[0, alone]), select(state, alone))
        require_equal(
            (output[alone], select(after, alone)),
            expected,
            "A row of a batch must give what it gives alone.",
        )


def check_nothing_changed(make: Make) -> None:
    """A step changes neither the state nor the projection it was given.

    Args:
        make: builds a new cell.
    """
    cell, inputs, state = draw(make)
    with torch.no_grad():
        projected = cell.project(inputs[0])
        given = (inputs[0], projected, state)
        before = map_state(torch.clone, given)
        cell.step(projected, state)
    require_equal(given, before, "A step must not change its inputs, projection or state in place.")


def check_nan(make: Make) -> None:
    """A NaN in one row stays in that row.

    Args:
        make: builds a new cell.
    """
    cell, inputs, state = draw(make)
    spoilt = inputs.clone()
    spoilt[0, 0] = torch.nan
    others = torch.arange(1, BATCH)
    actual, after = unroll(cell, spoilt, state)
    expected, expected_after = unroll(cell, inputs, state)
    require_equal(
        (actual[:, others], select(after, others)),
        (expected[:, others], select(expected_after, others)),
        "A NaN must stay in its row of the batch.",
    )


def _layout(state: Any) -> Any:
    """Describe the structure, shapes and types of a state."""
    if isinstance(state, torch.Tensor):
        return str(state.dtype), list(state.shape)
    return type(state).__name__, [_layout(part) for part in state]


def _device(cell: Cell[Any]) -> torch.device | None:
    first = next(itertools.chain(cell.parameters(), cell.buffers()), None)
    return None if first is None else first.device
