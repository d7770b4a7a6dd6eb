"""Tree cells: their papers, their laws, their names."""

import inspect

import numpy as np
import pytest
import torch
from torch.autograd import gradcheck

from elman.cells import (
    CELLS,
    TREE_CELLS,
    ConstituencyTreeLSTMCell,
    LSTMCell,
    RecursiveCell,
    find_tree_cell,
)
from elman.errors import ConfigError
from elman.state import map_state, rebuild, tensors
from reference.adapters import INPUT, array
from reference.tree_adapters import TREE_REFERENCES, make_cell

NODES = 3

cells = pytest.mark.parametrize("name", TREE_REFERENCES)


def draw(cell, count=None):
    """Inputs, and states of children, whose number is the cell's own if not given."""
    generator = torch.Generator().manual_seed(5)
    inputs = torch.randn(NODES, INPUT, generator=generator, dtype=torch.float64)
    count = cell.max_children or 4 if count is None else count
    like = cell.initial_state(NODES)
    children = map_state(
        lambda part: torch.randn(
            NODES, count, part.shape[1], generator=generator, dtype=torch.float64
        ),
        like,
    )
    return inputs, children


def absent(cell):
    """The states of children none of which is there."""
    places = cell.max_children or 4
    return map_state(lambda part: part.view(NODES, places, -1), cell.initial_state(NODES * places))


def test_every_tree_cell_has_a_reference_and_a_name_of_its_own():
    assert set(TREE_CELLS) <= set(TREE_REFERENCES)
    assert not set(TREE_CELLS) & set(CELLS)


@cells
def test_a_node_equals_its_paper(name):
    cell, node = make_cell(name)
    inputs, children = draw(cell)
    leaves = cell.leaf(cell.project(inputs))
    parents = cell.step(cell.project(inputs), children)
    for row, x in enumerate(map(array, inputs)):
        below = zip(*(array(part[row]) for part in tensors(children)), strict=True)
        for state, expected in ((leaves, node(cell, x, [])), (parents, node(cell, x, [*below]))):
            for part, wanted in zip(tensors(state), expected, strict=True):
                np.testing.assert_allclose(array(part[row]), wanted, rtol=1e-12, atol=1e-12)


@cells
def test_a_leaf_is_a_node_whose_children_are_all_absent(name):
    cell, _ = make_cell(name)
    inputs, _ = draw(cell)
    projected = cell.project(inputs)
    for part, wanted in zip(cell.leaf(projected), cell.step(projected, absent(cell)), strict=True):
        torch.testing.assert_close(part, wanted, rtol=1e-13, atol=1e-13)


@cells
def test_the_derivatives_of_a_step_are_finite_differences(name):
    cell, _ = make_cell(name, hidden_size=3)
    inputs, children = draw(cell)
    leaves = [part.requires_grad_() for part in (inputs, *tensors(children))]

    def step(inputs, *parts):
        parts = rebuild(children, parts[: len(leaves) - 1])
        return tuple(cell.step(cell.project(inputs), parts))

    assert gradcheck(step, (*leaves, *cell.parameters()))


@cells
def test_a_step_changes_nothing_it_was_given(name):
    cell, _ = make_cell(name)
    inputs, children = draw(cell)
    given = (cell.project(inputs).detach(), children)
    before = map_state(torch.clone, given)
    cell.step(*given)
    assert all(map(torch.equal, tensors(given), tensors(before)))


@cells
def test_the_initial_state_follows_the_weights(name):
    cell, _ = make_cell(name)
    assert {part.dtype for part in cell.initial_state(2)} == {torch.float64}
    meta = cell.to("meta").initial_state(2)
    assert {(part.device.type, part.shape[0]) for part in meta} == {("meta", 2)}


def test_the_order_of_children_matters_only_where_they_have_places():
    swapped = torch.tensor([1, 0])
    for name in TREE_CELLS:
        cell, _ = make_cell(name)
        inputs, children = draw(cell, count=2)
        projected = cell.project(inputs)
        one = cell.step(projected, children)
        other = cell.step(projected, map_state(lambda part: part[:, swapped], children))
        assert torch.allclose(one.hidden, other.hidden) == (name == "child-sum-tree-lstm")


@torch.no_grad()
@pytest.mark.parametrize("name", ["recursive", "rntn"])
def test_leaves_are_heard_at_the_root_from_the_start(name):
    torch.manual_seed(0)
    cell = TREE_CELLS[name](20, 20)
    state = cell.leaf(torch.randn(2, 20))  # two trees, each of one word again and again
    distance = [float((state.hidden[0] - state.hidden[1]).norm())]
    for _ in range(10):
        pairs = map_state(lambda part: torch.stack([part, part], dim=1), state)
        state = cell.step(cell.input_map.bias, pairs)
        distance.append(float((state.hidden[0] - state.hidden[1]).norm()))
    assert distance[-1] > 0.1 * distance[0]


def test_gates_start_open_to_the_children():
    cell = ConstituencyTreeLSTMCell(3, 4, forget_bias=2.0)
    assert (cell.input_map.bias[12:] == 2.0).all()
    assert (cell.input_map.bias[:12].abs() < 1.0).all()


@pytest.mark.parametrize("name", TREE_CELLS)
def test_sizes_below_one_are_refused(name):
    with pytest.raises(ValueError, match="input_size must be at least 1, got 0"):
        TREE_CELLS[name](0, 4)
    with pytest.raises(ValueError, match="output_size must be at least 1, got -2"):
        TREE_CELLS[name](3, -2)


def test_a_node_must_be_allowed_a_child():
    with pytest.raises(ValueError, match="max_children must be at least 1, got 0"):
        ConstituencyTreeLSTMCell(3, 4, max_children=0)


def test_cells_are_found_by_name_and_place():
    assert all(find_tree_cell(name) is cell for name, cell in TREE_CELLS.items())
    place = f"{RecursiveCell.__module__}:{RecursiveCell.__name__}"
    assert find_tree_cell(place) is RecursiveCell
    with pytest.raises(ConfigError, match=r"unknown cell 'lstm': known are recursive, rntn, "):
        find_tree_cell("lstm")
    with pytest.raises(ConfigError, match=r"not a class derived from elman\.TreeCell"):
        find_tree_cell(f"{inspect.getmodule(LSTMCell).__name__}:LSTMCell")
