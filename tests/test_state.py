"""States of any nesting go through every operation whole."""

from typing import NamedTuple

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from elman import state as states


class Pair(NamedTuple):
    left: Tensor
    right: tuple


BATCH = 3


def leaves():
    shapes = st.lists(st.integers(1, 3), max_size=2)
    return shapes.map(lambda shape: torch.randn(BATCH, *shape, generator=torch.Generator()))


def nested():
    return st.recursive(
        leaves(),
        lambda parts: (
            st.lists(parts, max_size=3).map(tuple) | st.builds(Pair, parts, st.tuples(parts))
        ),
        max_leaves=6,
    )


def structure(state):
    if isinstance(state, Tensor):
        return tuple(state.shape)
    return type(state), [structure(part) for part in state]


def equal(left, right):
    assert structure(left) == structure(right)
    assert all(
        torch.equal(a, b) for a, b in zip(states.tensors(left), states.tensors(right), strict=True)
    )


@given(nested())
def test_rebuild_undoes_tensors(state):
    equal(states.rebuild(state, list(states.tensors(state))), state)


@given(nested())
def test_map_state_keeps_the_structure_and_visits_in_order(state):
    seen = []
    doubled = states.map_state(lambda part: (seen.append(part), 2 * part)[1], state)
    assert structure(doubled) == structure(state)
    for part, visited, result in zip(
        states.tensors(state), seen, states.tensors(doubled), strict=True
    ):
        assert visited is part
        assert torch.equal(result, 2 * part)


@given(nested(), st.lists(st.integers(0, BATCH - 1), min_size=1, max_size=5))
def test_select_picks_rows_with_repeats(state, rows):
    chosen = states.select(state, torch.tensor(rows))
    for part, original in zip(states.tensors(chosen), states.tensors(state), strict=True):
        assert torch.equal(part, torch.stack([original[row] for row in rows]))


@given(nested(), st.lists(st.booleans(), min_size=BATCH, max_size=BATCH))
def test_where_chooses_row_by_row(state, condition):
    other = states.map_state(torch.zeros_like, state)
    mixed = states.where(torch.tensor(condition), state, other)
    for part, original in zip(states.tensors(mixed), states.tensors(state), strict=True):
        for row, wanted in enumerate(condition):
            assert torch.equal(part[row], original[row] if wanted else 0 * original[row])


def test_map_state_takes_several_states():
    left = Pair(torch.ones(2), (torch.zeros(2),))
    summed = states.map_state(lambda a, b: a + b, left, left)
    equal(summed, Pair(2 * torch.ones(2), (torch.zeros(2),)))


def test_states_of_other_structure_are_refused():
    with pytest.raises(ValueError, match="shorter"):
        states.map_state(torch.add, (torch.ones(1), torch.ones(1)), (torch.ones(1),))


@pytest.mark.parametrize("count", [1, 3])
def test_rebuild_refuses_another_number_of_tensors(count):
    with pytest.raises(ValueError, match=f"holds 2 tensors, got {count}"):
        states.rebuild(Pair(torch.ones(1), (torch.ones(1),)), [torch.ones(1)] * count)


def test_detach_cuts_the_graph_and_shares_the_values():
    leaf = torch.ones(2, requires_grad=True)
    state = Pair(2 * leaf, (3 * leaf,))
    cut = states.detach(state)
    assert not any(part.requires_grad for part in states.tensors(cut))
    equal(cut, Pair(torch.full((2,), 2.0), (torch.full((2,), 3.0),)))
