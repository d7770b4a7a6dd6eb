"""From a tree cell to its transcription: its weights under the paper's names, then one node."""

import numpy as np
import torch

from elman.cells import (
    ChildSumTreeLSTMCell,
    ConstituencyTreeLSTMCell,
    RecursiveCell,
    RNTNCell,
)
from reference import child_sum_tree_lstm, constituency_tree_lstm, recursive, rntn
from reference.adapters import HIDDEN, INPUT, array, by_gate


def recursive_node(cell, x, children):
    weights = {
        "sem": array(cell.input_map.weight),
        "W": array(cell.child_map.weight),
        "b": array(cell.input_map.bias),
    }
    return (recursive.node(weights, x, [hidden for (hidden,) in children]),)


def rntn_node(cell, x, children):
    weights = {
        "sem": array(cell.input_map.weight),
        "W": array(cell.child_map.weight),
        "V": array(cell.tensor),
        "b": array(cell.input_map.bias),
    }
    return (rntn.node(weights, x, [hidden for (hidden,) in children]),)


def child_sum_node(cell, x, children):
    W = by_gate(cell.input_map.weight, "i", "o", "u", "f")
    b = by_gate(cell.input_map.bias, "i", "o", "u", "f")
    U = by_gate(cell.sum_map.weight, "i", "o", "u") | {"f": array(cell.forget_map.weight)}
    return child_sum_tree_lstm.node(W, U, b, x, children)


def constituency_node(cell, x, children):
    places = cell.max_children
    W = by_gate(cell.input_map.weight, "i", "o", "u", "f")
    b = by_gate(cell.input_map.bias, "i", "o", "u", "f")
    names = ["i", "o", "u", *(f"f{place}" for place in range(places))]
    rows = by_gate(cell.child_map.weight, *names)
    U = {name: np.split(rows[name], places, axis=1) for name in names}
    U["f"] = [U[f"f{place}"] for place in range(places)]
    return constituency_tree_lstm.node(W, U, b, x, children)


def ternary(input_size, hidden_size):
    return ConstituencyTreeLSTMCell(input_size, hidden_size, max_children=3)


TREE_REFERENCES = {
    "recursive": (RecursiveCell, recursive_node),
    "rntn": (RNTNCell, rntn_node),
    "child-sum-tree-lstm": (ChildSumTreeLSTMCell, child_sum_node),
    "constituency-tree-lstm": (ConstituencyTreeLSTMCell, constituency_node),
    "ternary-tree-lstm": (ternary, constituency_node),
}
"""For each cell and variant what builds it, and one node from (cell, input, children's states)."""


def make_cell(name, hidden_size=HIDDEN, spread=0.3):
    """A cell in float64 with weights off their starting point, and its transcription."""
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(3)
        build, node = TREE_REFERENCES[name]
        cell = build(INPUT, hidden_size).double()
        for parameter in cell.parameters():
            parameter.add_(torch.randn_like(parameter), alpha=spread)
    return cell, node


def walk(cell, node, parents, inputs):
    """The states of all nodes of one tree, each from those of its children, recursively.

    `inputs` holds a vector, or None, for each node.
    """
    states = {}

    def visit(place):
        children = [visit(child) for child, parent in enumerate(parents) if parent == place]
        states[place] = node(cell, inputs[place], children)
        return states[place]

    visit(list(parents).index(-1))
    return [states[place] for place in range(len(parents))]
