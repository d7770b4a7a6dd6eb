"""Running a tree cell over a batch of trees, level by level."""

from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from elman.cells import TreeCell
from elman.nn.trees import Trees
from elman.state import map_state, rebuild, tensors


def unroll_trees(cell: TreeCell[Any], inputs: Float[Tensor, "rows input"], trees: Trees) -> Any:
    """Run a tree cell over trees, from the leaves to the roots.

    Nodes that are equally far from their roots are computed together, whatever tree they are of.
    Differentiating this is back-propagation through structure.

    Args:
        cell: any tree cell.
        inputs: `[rows, input]`, the rows that the trees read.
        trees: what `arrange_trees` made.

    Returns:
        The states of all nodes, `[nodes, ...]`, in the order in which the trees were given.

    Raises:
        ValueError: if inputs and trees do not fit the cell or each other.

    Reference:
        Goller & Küchler 1996, "Learning task-dependent distributed representations by
        backpropagation through structure".

    Example:
        >>> from elman.cells import ConstituencyTreeLSTMCell
        >>> from elman.nn import arrange_trees
        >>> trees = arrange_trees([[4, 3, 3, 4, -1], [-1]])  # (a (b c)) and d
        >>> state = unroll_trees(ConstituencyTreeLSTMCell(8, 16), torch.randn(4, 8), trees)
        >>> list(state.hidden[trees.roots].shape)
        [2, 16]
    """
    _check(cell, inputs, trees)
    nothing = inputs.new_zeros(1, cell.input_size)
    projected = cell.project(torch.cat([inputs, nothing]))
    leaves = cell.leaf(_take(projected, trees.leaf_inputs))
    inner_projected = _split(_take(projected, trees.inner_inputs), trees.inner_counts)
    leaf_levels = _split(leaves, trees.leaf_counts)
    absent = cell.initial_state(1)
    below = _join(absent, leaf_levels[0])
    computed = [leaves]
    for level, (children, here) in enumerate(
        zip(_places(cell, trees)[1:], inner_projected[1:], strict=True), 1
    ):
        state = cell.step(here, _take(below, children))
        computed.append(state)
        below = _join(absent, state, leaf_levels[level])
    return _take(_join(*computed), trees.order)


def _places(cell: TreeCell[Any], trees: Trees) -> tuple[Tensor, ...]:
    """Return the places of the children by level, as many columns as the cell has children."""
    missing = (cell.max_children or trees.children.shape[1]) - trees.children.shape[1]
    padded = torch.nn.functional.pad(trees.children, (0, missing))
    return padded.split(trees.inner_counts)


def _take(state: Any, rows: Int[Tensor, "*shape"]) -> Any:
    return map_state(lambda part: part[rows], state)


def _join(*states: Any) -> Any:
    return map_state(lambda *parts: torch.cat(parts), *states)


def _split(state: Any, counts: tuple[int, ...]) -> list[Any]:
    """Take a state apart at once: the gradient of one slice is as large as all of them."""
    by_part = [part.split(counts) for part in tensors(state)]
    return [rebuild(state, parts) for parts in zip(*by_part, strict=True)]


def _check(cell: TreeCell[Any], inputs: Tensor, trees: Trees) -> None:
    name = type(cell).__name__
    if inputs.dim() != 2 or inputs.shape[1] != cell.input_size:
        raise ValueError(
            f"{name} expects inputs [rows, {cell.input_size}], got {list(inputs.shape)}: the "
            "last axis must equal input_size."
        )
    if len(inputs) < trees.input_count:
        raise ValueError(f"The trees read {trees.input_count} rows of inputs, got {len(inputs)}.")
    most = trees.children.shape[1]
    if cell.max_children is not None and most > cell.max_children:
        raise ValueError(
            f"{name} joins at most {cell.max_children} children, a node of the trees has {most}."
        )
