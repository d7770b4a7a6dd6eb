"""Trees by level: as the papers say node by node, one tree as many, and by finite differences."""

import random
from itertools import accumulate

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from torch.autograd import gradcheck, gradgradcheck

from elman.cells import (
    ChildSumTreeLSTMCell,
    ConstituencyTreeLSTMCell,
    LSTMCell,
)
from elman.engine import unroll
from elman.nn import arrange_trees, unroll_trees
from elman.state import tensors
from reference.adapters import HIDDEN, INPUT, array
from reference.forests import forests
from reference.tree_adapters import TREE_REFERENCES, make_cell, walk

cells = pytest.mark.parametrize("name", TREE_REFERENCES)
A_FOREST = [[4, 4, 6, 6, 5, -1, 5], [-1], [1, 2, -1], [1, -1, 1]]
"""A binary tree with a node between, a leaf alone, a chain of unary nodes, a pair."""


def draw_inputs(count):
    generator = torch.Generator().manual_seed(7)
    return torch.randn(count, INPUT, generator=generator, dtype=torch.float64)


def leaf_inputs(parents):
    """For each tree, for each node the number of its leaf, or -1; leaves are counted through."""
    count = iter(range(10**6))
    return [[-1 if node in own else next(count) for node in range(len(own))] for own in parents]


def assert_equals_recursion(name, parents, rows, **settings):
    cell, node = make_cell(name, **settings)
    inputs = draw_inputs(1 + max(row for tree in rows for row in tree))
    found = unroll_trees(cell, inputs, arrange_trees(parents, rows))
    expected = [
        state
        for own, read in zip(parents, rows, strict=True)
        for state in walk(
            cell, node, own, [None if row < 0 else array(inputs[row]) for row in read]
        )
    ]
    for part, *wanted in zip(tensors(found), *expected, strict=True):
        np.testing.assert_allclose(array(part), np.array(wanted), rtol=1e-10, atol=1e-12)


@cells
@settings(max_examples=20)
@given(parents=forests(max_children=2))
def test_trees_by_level_equal_recursion_from_node_to_node(name, parents):
    assert_equals_recursion(name, parents, leaf_inputs(parents))


@settings(max_examples=20)
@given(parents=forests(max_children=3))
def test_three_children_in_their_places(parents):
    assert_equals_recursion("ternary-tree-lstm", parents, leaf_inputs(parents))


@settings(max_examples=20)
@given(parents=forests())
def test_any_number_of_children_and_an_input_at_every_node(parents):
    ends = [*accumulate(map(len, parents))]
    rows = [list(range(end - len(own), end)) for own, end in zip(parents, ends, strict=True)]
    assert_equals_recursion("child-sum-tree-lstm", parents, rows)


@cells
def test_every_cell_takes_inputs_at_inner_nodes(name):
    assert_equals_recursion(name, A_FOREST, [[0, 3, 4, -1, 2, 1, -1], [5], [2, 7, 7], [-1, 6, 0]])


def deep_tree(depth):
    """A word on the left of all that follows, again and again: `(a (b (c ...)))`."""
    spine = [-1, *range(depth - 1)]
    return [*spine, *range(depth), depth - 1]


@cells
def test_very_deep_trees(name):
    parents = [deep_tree(300)]
    # At weights as they start: at larger ones a deep net amplifies rounding from node to node.
    assert_equals_recursion(name, parents, leaf_inputs(parents), spread=0.0)


@cells
def test_one_tree_at_a_time_gives_the_same(name):
    cell, _ = make_cell(name)
    draw = random.Random(1)
    parents = [deep_tree(draw.randint(1, 12)) for _ in range(20)] + [[-1]]
    rows = leaf_inputs(parents)
    inputs = draw_inputs(1 + rows[-1][-1])
    together = unroll_trees(cell, inputs, arrange_trees(parents))
    alone = [
        unroll_trees(cell, inputs, arrange_trees([own], [read]))
        for own, read in zip(parents, rows, strict=True)
    ]
    for part, wanted in zip(together, map(torch.cat, zip(*alone, strict=True)), strict=True):
        torch.testing.assert_close(part, wanted, rtol=1e-12, atol=1e-13)


@cells
def test_trees_do_not_see_each_other(name):
    cell, _ = make_cell(name)
    trees = arrange_trees(A_FOREST)
    inputs = draw_inputs(trees.input_count)
    clean = unroll_trees(cell, inputs, trees).hidden
    spoilt = inputs.clone()
    spoilt[:4] = torch.nan  # the leaves of the first tree
    hidden = unroll_trees(cell, spoilt, trees).hidden
    first = len(A_FOREST[0])
    assert hidden[:first].isnan().all()
    assert torch.equal(hidden[first:], clean[first:])


@cells
def test_back_propagation_through_structure_is_finite_differences(name):
    cell, _ = make_cell(name, hidden_size=3)
    trees = arrange_trees(A_FOREST)
    inputs = draw_inputs(trees.input_count).requires_grad_()

    def run(inputs, *parameters):
        return tuple(unroll_trees(cell, inputs, trees))

    leaves = (inputs, *cell.parameters())
    assert gradcheck(run, leaves)
    assert gradgradcheck(run, leaves, fast_mode=True)


def test_a_chain_is_a_tree_of_one_child_a_node():
    time = 5
    inputs = draw_inputs(time)
    trees = arrange_trees([[*range(1, time), -1]], [range(time)])
    tree_cell, cell = ChildSumTreeLSTMCell(INPUT, HIDDEN).double(), LSTMCell(INPUT, HIDDEN).double()

    def in_order_of_the_chain(rows):
        i, o, u, f = rows.chunk(4)
        return torch.cat([i, f, u, o])

    from_children = torch.cat([tree_cell.sum_map.weight, tree_cell.forget_map.weight])
    with torch.no_grad():
        cell.input_map.weight.copy_(in_order_of_the_chain(tree_cell.input_map.weight))
        cell.input_map.bias.copy_(in_order_of_the_chain(tree_cell.input_map.bias))
        cell.recurrent_map.weight.copy_(in_order_of_the_chain(from_children))
    outputs, _ = unroll(cell, inputs.unsqueeze(1))
    hidden = unroll_trees(tree_cell, inputs, trees).hidden
    torch.testing.assert_close(hidden, outputs.squeeze(1), rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize(
    ("inputs", "parents", "message"),
    [
        ((2, INPUT + 1), [[1, -1, 1]], r"expects inputs \[rows, 3\], got \[2, 4\]"),
        ((1, 2, INPUT), [[1, -1, 1]], r"expects inputs \[rows, 3\], got \[1, 2, 3\]"),
        ((1, INPUT), [[1, -1, 1]], "The trees read 2 rows of inputs, got 1"),
        ((3, INPUT), [[1, -1, 1, 1]], "joins at most 2 children, a node of the trees has 3"),
    ],
)
def test_what_does_not_fit_is_named(inputs, parents, message):
    cell = ConstituencyTreeLSTMCell(INPUT, HIDDEN)
    with pytest.raises(ValueError, match=message):
        unroll_trees(cell, torch.zeros(inputs), arrange_trees(parents))
