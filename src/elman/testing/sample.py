"""The cells and inputs on which the checks run, and the plain oracle they compare with."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from elman.cells import Cell
from elman.state import detach, map_state, select, tensors

Make = Callable[[], Cell[Any]]
"""Builds a new cell of small sizes, such as `lambda: LSTMCell(3, 4)`."""

TIME = 4
BATCH = 3


class Sample(NamedTuple):
    """A cell in float64 and evaluation mode, with inputs and a state it has reached."""

    cell: Cell[Any]
    inputs: Float[Tensor, "time batch input"]
    state: Any


def draw(make: Make, *, time: int = TIME, batch: int = BATCH) -> Sample:
    """Build a cell with weights off their starting point, inputs, and a state.

    Args:
        make: builds a new cell.
        time: time steps of the inputs.
        batch: rows of the inputs and the state.

    Returns:
        The sample, the same at every call; the global random generator is left as it was.
    """
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(0)
        cell = make().double().eval()
        for parameter in cell.parameters():
            if parameter.requires_grad:
                parameter.add_(torch.randn_like(parameter), alpha=0.2)
        warm_up = torch.randn(2, batch, cell.input_size, dtype=torch.float64)
        inputs = torch.randn(time, batch, cell.input_size, dtype=torch.float64)
        # Reached by steps, so that it is a state the cell may meet whatever its parts mean.
        _, state = run_steps(cell, warm_up, cell.initial_state(batch))
    return Sample(cell, inputs, detach(state))


def run_steps(cell: Cell[Any], inputs: Tensor, state: Any) -> tuple[Tensor, Any]:
    """Step a cell by hand, projecting one time step at a time.

    Args:
        cell: any cell.
        inputs: `[time, batch, input]`, zero time steps allowed.
        state: the state before the first step.

    Returns:
        Outputs `[time, batch, output]` and the final state.
    """
    outputs = []
    for step_inputs in inputs:
        output, state = cell.step(cell.project(step_inputs), state)
        outputs.append(output)
    if not outputs:
        return inputs.new_zeros(0, inputs.shape[1], cell.output_size), state
    return torch.stack(outputs), state


def run_rows(sample: Sample, lengths: list[int], *, reverse: bool = False) -> tuple[Tensor, Any]:
    """Step each row alone over its own valid steps.

    Args:
        sample: the cell, inputs and state.
        lengths: valid steps of each row.
        reverse: whether to go from the last valid step to the first.

    Returns:
        Outputs in the order of the inputs, zero beyond each length, and the final state.
    """
    cell, inputs, state = sample
    rows, states = [], []
    for row, length in enumerate(lengths):
        valid = inputs[:length, row : row + 1]
        start = select(state, torch.tensor([row]))
        outputs, final = run_steps(cell, valid.flip(0) if reverse else valid, start)
        outputs = outputs.flip(0) if reverse else outputs
        padding = outputs.new_zeros(len(inputs) - length, 1, cell.output_size)
        rows.append(torch.cat([outputs, padding]))
        states.append(final)
    return torch.cat(rows, dim=1), map_state(lambda *parts: torch.cat(parts), *states)


def require(condition: bool, law: str) -> None:
    """Fail unless a law holds.

    Args:
        condition: whether it holds.
        law: the law, a sentence.

    Raises:
        AssertionError: if it does not hold.
    """
    if not condition:
        raise AssertionError(law)


@contextmanager
def required(law: str) -> Iterator[None]:
    """Make every error of the body the breach of a law.

    Args:
        law: the law, a sentence.

    Raises:
        AssertionError: if the body raises anything.
    """
    try:
        yield
    except Exception as error:
        raise AssertionError(f"{law} {error}") from error


def require_equal(actual: Any, expected: Any, law: str) -> None:
    """Fail unless two nested tuples of tensors agree to rounding in float64.

    Args:
        actual: what the cell gave.
        expected: what the law says.
        law: the law, a sentence.

    Raises:
        AssertionError: if any tensor differs.
    """
    pairs = zip(tensors(actual), tensors(expected), strict=True)
    for left, right in pairs:
        torch.testing.assert_close(
            left, right, rtol=1e-9, atol=1e-10, msg=lambda difference: f"{law} {difference}"
        )
