"""The laws that every cell obeys, as a list of checks."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from elman.testing.contract import (
    check_initial_state_follows_weights,
    check_nan,
    check_nothing_changed,
    check_projection,
    check_rows,
    check_shapes,
)
from elman.testing.copies import check_copies, check_resized, check_save_and_load, check_seed
from elman.testing.gradients import check_back_end, check_step_gradient, check_unroll_gradient
from elman.testing.sample import Make
from elman.testing.sequences import check_lengths, check_resets, check_reverse, check_steps
from elman.testing.transforms import check_compile, check_functional_call, check_jvp, check_vmap

if TYPE_CHECKING:
    import pytest

CellCheck = Callable[[Make], None]
"""Takes what builds a cell; raises an AssertionError that names the broken law."""

CELL_CHECKS: tuple[CellCheck, ...] = (
    check_shapes,
    check_initial_state_follows_weights,
    check_projection,
    check_rows,
    check_nothing_changed,
    check_nan,
    check_steps,
    check_resets,
    check_lengths,
    check_reverse,
    check_step_gradient,
    check_unroll_gradient,
    check_back_end,
    check_functional_call,
    check_vmap,
    check_jvp,
    check_compile,
    check_save_and_load,
    check_copies,
    check_resized,
    check_seed,
)


def check_cell(make: Make, *, checks: Sequence[CellCheck] = CELL_CHECKS) -> None:
    """Check that a cell obeys the laws that the engine and everything above it rely on.

    Args:
        make: builds a new cell each time, of small sizes, as finite differences are taken by
            each weight: `lambda: MyCell(3, 4)`.
        checks: the laws to check.

    Raises:
        AssertionError: naming the first law that the cell breaks.

    Example:
        >>> from elman.cells import GRUCell
        >>> check_cell(lambda: GRUCell(2, 3))
    """
    for check in checks:
        check(make)


def parametrize_cells(
    makes: Mapping[str, Make], *, checks: Sequence[CellCheck] = CELL_CHECKS
) -> "pytest.MarkDecorator":
    """Turn a pytest function of `make` and `check` into one test for each cell and law.

    Args:
        makes: what builds each cell, under the name that its tests have.
        checks: the laws to check.

    Returns:
        The decorator of a function `def test_cell(make, check): check(make)`.
    """
    import pytest

    cases = [
        pytest.param(make, check, id=f"{name}-{check.__name__.removeprefix('check_')}")
        for name, make in makes.items()
        for check in checks
    ]
    return pytest.mark.parametrize(("make", "check"), cases)
