"""Trees of a batch, laid out by level."""

from collections.abc import Sequence
from typing import NamedTuple, Self

import numpy as np
import torch
from jaxtyping import Int
from numpy.typing import NDArray
from torch import Tensor

Indices = NDArray[np.int64]
Nodes = Sequence[int] | Indices
"""A number for each node of a tree."""


class Trees(NamedTuple):
    """Where each node of a batch of trees finds its input and its children.

    Nodes are laid out leaves first, then inner nodes, both from the deepest level up. A level
    holds the nodes that are equally far from their roots, so that all children of one level
    stand in the level below it.

    Args:
        leaf_inputs: for each leaf the row of the inputs it reads; -1, the last, is no input.
        inner_inputs: for each inner node the row of the inputs it reads; -1 is no input.
        children: for each inner node the places of its children in the level below, whose inner
            nodes come first and then its leaves, counted from 1; 0 is no child.
        order: for each node in the order in which the trees were given, its place in the layout.
        roots: the roots, in the order in which the trees were given.
        leaf_counts: leaves of each level.
        inner_counts: inner nodes of each level.
        input_count: rows of the inputs.
    """

    leaf_inputs: Int[Tensor, " leaves"]
    inner_inputs: Int[Tensor, " inner"]
    children: Int[Tensor, "inner children"]
    order: Int[Tensor, " nodes"]
    roots: Int[Tensor, " trees"]
    leaf_counts: tuple[int, ...]
    inner_counts: tuple[int, ...]
    input_count: int

    def to(self, device: torch.device | str) -> Self:
        """Move the tensors.

        Args:
            device: where to.

        Returns:
            The same trees there.
        """
        return self._replace(
            leaf_inputs=self.leaf_inputs.to(device),
            inner_inputs=self.inner_inputs.to(device),
            children=self.children.to(device),
            order=self.order.to(device),
            roots=self.roots.to(device),
        )


def arrange_trees(parents: Sequence[Nodes], inputs: Sequence[Nodes] | None = None) -> Trees:
    """Lay out trees, so that a tree cell can run over all of them level by level.

    Args:
        parents: for each tree the parent of each of its nodes, as a place in that tree; -1 for
            the root. Nodes may stand in any order; children are ordered as they stand.
        inputs: for each tree the row of the inputs that each of its nodes reads; -1 for none. If
            not given, the leaves of all trees read one row each, in order.

    Returns:
        The layout.

    Raises:
        ValueError: if what is given are no trees, or do not fit each other.

    Example:
        >>> trees = arrange_trees([[4, 3, 3, 4, -1], [-1]])  # (a (b c)) and d
        >>> trees.roots.tolist(), trees.input_count
        ([4, 5], 4)
    """
    parent, roots = _joined(parents)
    child_counts = np.bincount(parent[parent >= 0], minlength=len(parent))
    levels, siblings, first = _levels(parent, child_counts)
    if sum(map(len, levels)) < len(parent):
        raise ValueError("arrange_trees: the parents of a tree form a circle.")
    leaf_levels = [level[child_counts[level] == 0] for level in levels]
    inner_levels = [level[child_counts[level] > 0] for level in levels]
    leaves, inner = np.concatenate(leaf_levels), np.concatenate(inner_levels)

    place = np.empty_like(parent)  # in the level
    for level in map(np.concatenate, zip(inner_levels, leaf_levels, strict=True)):
        place[level] = np.arange(1, len(level) + 1)
    order = np.empty_like(parent)
    order[np.concatenate([leaves, inner])] = np.arange(len(parent))
    counts = child_counts[inner]
    children = np.zeros((len(inner), max(counts, default=1)), dtype=np.int64)
    columns = _ranges(np.zeros_like(counts), counts)
    rows = np.repeat(np.arange(len(inner)), counts)
    children[rows, columns] = place[siblings[_ranges(first[inner], counts)]]

    read = _inputs(parents, inputs, child_counts)
    return Trees(
        leaf_inputs=torch.from_numpy(read[leaves]),
        inner_inputs=torch.from_numpy(read[inner]),
        children=torch.from_numpy(children),
        order=torch.from_numpy(order),
        roots=torch.from_numpy(roots),
        leaf_counts=tuple(map(len, leaf_levels)),
        inner_counts=tuple(map(len, inner_levels)),
        input_count=int(read.max()) + 1,
    )


def _joined(parents: Sequence[Nodes]) -> tuple[Indices, Indices]:
    """Return the parents of the nodes of all trees in one row, and the roots."""
    if not parents:
        raise ValueError("arrange_trees needs at least one tree.")
    start, joined = 0, []
    for number, tree in enumerate(parents):
        own = np.asarray(tree, dtype=np.int64)
        if (own == -1).sum() != 1 or (own < -1).any() or (own >= len(own)).any():
            raise ValueError(
                f"arrange_trees: tree {number} must have one root, whose parent is -1, and else "
                f"parents from 0 to {len(own) - 1}, got {list(tree)}."
            )
        joined.append(np.where(own < 0, -1, own + start))
        start += len(own)
    parent = np.concatenate(joined)
    return parent, np.flatnonzero(parent < 0)


def _levels(parent: Indices, child_counts: Indices) -> tuple[list[Indices], Indices, Indices]:
    """Return the nodes by level, the deepest first; all children by parent; where each's begin."""
    siblings = np.argsort(parent, kind="stable")
    roots = len(parent) - child_counts.sum()
    first = roots + np.cumsum(child_counts) - child_counts
    level = siblings[:roots]
    levels = []
    while len(level):
        levels.append(level)
        level = siblings[_ranges(first[level], child_counts[level])]
    return levels[::-1], siblings, first


def _ranges(starts: Indices, counts: Indices) -> Indices:
    """Return start, start + 1, ... for each start, as many as its count, in one row."""
    begins = np.cumsum(counts) - counts
    return np.repeat(starts - begins, counts) + np.arange(counts.sum())


def _inputs(
    parents: Sequence[Nodes],
    inputs: Sequence[Nodes] | None,
    child_counts: Indices,
) -> Indices:
    """Return for each node the row of the inputs that it reads, -1 for none."""
    if inputs is None:
        leaf = child_counts == 0
        return np.where(leaf, np.cumsum(leaf) - 1, -1)
    sizes, given = list(map(len, parents)), list(map(len, inputs))
    if sizes != given:
        raise ValueError(
            f"arrange_trees expects an input for each node, {sizes} a tree, got {given}: give -1 "
            "to nodes without one."
        )
    read = np.concatenate([np.asarray(tree, dtype=np.int64) for tree in inputs])
    if read.min() < -1:
        raise ValueError(f"arrange_trees: rows of inputs start at 0, -1 is none, got {read.min()}.")
    return read
