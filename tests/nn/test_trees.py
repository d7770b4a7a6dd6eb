"""The layout of trees by level, and what is no tree."""

import numpy as np
import pytest
import torch
from hypothesis import given

from elman.nn import arrange_trees
from reference.forests import forests


def joined(parents):
    """The parents of the nodes of all trees, numbered through."""
    starts = np.cumsum([0, *map(len, parents)])
    return [
        parent if parent < 0 else start + parent
        for start, own in zip(starts[:-1], parents, strict=True)
        for parent in own
    ]


@given(forests())
def test_every_node_finds_its_children_and_its_input(parents):
    trees = arrange_trees(parents)
    parent = joined(parents)
    nodes = range(len(parent))
    at = {int(place): node for node, place in enumerate(trees.order)}
    assert sorted(at) == list(nodes)
    leaves = sum(trees.leaf_counts)
    assert leaves + sum(trees.inner_counts) == len(parent)
    assert trees.roots.tolist() == [node for node in nodes if parent[node] < 0]

    expected_leaves = [node for node in nodes if node not in parent]
    assert sorted(at[place] for place in range(leaves)) == expected_leaves
    assert [expected_leaves[row] for row in trees.leaf_inputs] == [at[i] for i in range(leaves)]
    assert (trees.inner_inputs == -1).all()
    assert trees.input_count == leaves

    first_leaf, first_inner, below = 0, leaves, []
    children = trees.children.tolist()
    for level_leaves, level_inner in zip(trees.leaf_counts, trees.inner_counts, strict=True):
        inner = [at[place] for place in range(first_inner, first_inner + level_inner)]
        for node in inner:
            found = [below[place - 1] for place in children.pop(0) if place > 0]
            assert found == [child for child in nodes if parent[child] == node]
        below = inner + [at[place] for place in range(first_leaf, first_leaf + level_leaves)]
        first_leaf, first_inner = first_leaf + level_leaves, first_inner + level_inner
    assert sorted(below) == sorted(trees.roots.tolist())


def test_inputs_may_be_given_to_any_node():
    trees = arrange_trees([[1, -1, 1], [-1]], [[5, 2, -1], [0]])
    assert trees.input_count == 6
    assert trees.leaf_inputs.tolist() == [5, -1, 0]
    assert trees.inner_inputs.tolist() == [2]


def test_trees_move_whole():
    trees = arrange_trees([[1, -1, 1], [-1]])
    moved = trees.to("meta")
    assert {part.device.type for part in moved if isinstance(part, torch.Tensor)} == {"meta"}
    assert moved.leaf_counts == trees.leaf_counts


@pytest.mark.parametrize(
    ("parents", "inputs", "message"),
    [
        ([], None, "needs at least one tree"),
        ([[]], None, "tree 0 must have one root"),
        ([[-1], [-1, -1]], None, r"tree 1 must have one root, whose parent is -1, .* from 0 to 1"),
        ([[-1, 2]], None, r"parents from 0 to 1, got \[-1, 2\]"),
        ([[-1, -2]], None, r"got \[-1, -2\]"),
        ([[-1, 2, 1]], None, "the parents of a tree form a circle"),
        ([[-1, 0]], [[0]], r"an input for each node, \[2\] a tree, got \[1\]"),
        ([[-1, 0]], [[0, -2]], "rows of inputs start at 0, -1 is none, got -2"),
    ],
)
def test_what_is_no_tree_is_refused(parents, inputs, message):
    with pytest.raises(ValueError, match=message):
        arrange_trees(parents, inputs)
