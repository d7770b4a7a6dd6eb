"""Rows of the batch as tensors hold them, and the operations that only move features."""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from elman.engine.compiler.builder import Builder
from elman.engine.compiler.program import Node
from elman.engine.trace.constants import replaced
from elman.engine.trace.expression import Untraceable

RESHAPES = frozenset(
    ("view", "_unsafe_view", "unsqueeze", "squeeze", "reshape", "_reshape_alias", "flatten")
)
VIEWS = RESHAPES | {"t", "transpose", "permute", "slice", "select", "split", "split_with_sizes"}
VIEWS |= {"unbind", "narrow", "movedim", "unfold", "diagonal", "alias"}
MOVES = VIEWS | {"flip", "roll", "index_select", "index", "gather", "cat", "stack", "repeat"}
"""Operations that only move elements."""
MIXED = "its step mixes the rows of the batch"
_MOST_PIECES = 64  # beyond this a program grows long and nothing is gained by compiling it


class Ambiguous(Untraceable):
    """An axis has the length of the batch by chance, or by the step's own choice."""

    def __init__(self) -> None:
        super().__init__("its step makes weights of a size that depends on the batch")


class Row(NamedTuple):
    """What a tensor stands for in the program.

    Attributes:
        node: the features of a row, axis after axis; of width 1 where all are equal.
        shape: the tensor's shape.
        axis: which axis is the batch.
    """

    node: Node
    shape: tuple[int, ...]
    axis: int

    @property
    def features(self) -> tuple[int, ...]:
        """The shape of the features: the tensor's, without the batch."""
        return (*self.shape[: self.axis], *self.shape[self.axis + 1 :])

    @property
    def size(self) -> int:
        """How many features a row has."""
        return math.prod(self.features)


def spans(features: Sequence[int]) -> tuple[int, ...]:
    """Return a shape without leading axes of length 1, which broadcasting ignores.

    Args:
        features: a shape.

    Returns:
        The shape.
    """
    first = next((place for place, size in enumerate(features) if size != 1), len(features))
    return tuple(features[first:])


def gathered(build: Builder, node: Node, index: Sequence[int]) -> Node:
    """Return chosen features of a row, in a given order.

    Args:
        build: where the program is built.
        node: the row.
        index: which features, repeats allowed.

    Returns:
        The new row.

    Raises:
        Untraceable: if the features fall into very many pieces.
    """
    if node.width == 1:
        return node
    parts, sizes, start = [], [], 0
    while start < len(index):
        stop, first = start + 1, index[start]
        step = index[stop] - first if stop < len(index) else 1
        if step in (0, 1):
            while stop < len(index) and index[stop] == first + step * (stop - start):
                stop += 1
        parts.append(build.slice(node, first, first + (stop - start if step == 1 else 1)))
        sizes.append(stop - start)
        start = stop
        if len(parts) > _MOST_PIECES:
            raise Untraceable("its step reorders features into very many pieces")
    return build.cat(parts, sizes)


def reshaped(row: Row, shape: Sequence[int], batch: int) -> Row | None:
    """Return a row in another shape of as many elements.

    Args:
        row: the row.
        shape: the new shape.
        batch: rows of the batch.

    Returns:
        The row, or None where the batch is no axis of the shape.
    """
    before = math.prod(row.shape[: row.axis])
    for axis, size in enumerate(shape):
        if size == batch and math.prod(shape[:axis]) == before:
            return Row(row.node, tuple(shape), axis)
    return None


def viewed(build: Builder, tensor: Tensor, row: Row, view: Tensor) -> Row | None:
    """Return a view of neighbouring features.

    Args:
        build: where the program is built.
        tensor: `[batch, features]`.
        row: what it stands for.
        view: `[batch, fewer features]` or `[batch]`, in the same memory.

    Returns:
        What the view stands for, or None where it is anything else.
    """
    if tensor.dim() != 2 or row.axis != 0 or view.dim() not in (1, 2):
        return None
    if view.shape[0] != tensor.shape[0] or view.stride(0) != tensor.stride(0):
        return None
    if tensor.stride(1) != 1 or (view.dim() == 2 and view.stride(1) != 1):
        return None
    if view.untyped_storage().data_ptr() != tensor.untyped_storage().data_ptr():
        return None
    start = int(view.storage_offset() - tensor.storage_offset())
    stop = start + (view.shape[1] if view.dim() == 2 else 1)
    return Row(build.slice(row.node, start, stop), tuple(view.shape), 0)


def moved(
    build: Builder, function: Any, args: Any, kwargs: Any, rows: dict[int, Row], batch: int
) -> list[Row]:
    """Return the results of an operation that only moves elements, whatever it does with them.

    The operation is run on the elements' numbers, which then tell where each element went.

    Args:
        build: where the program is built.
        function: the operation.
        args: its arguments.
        kwargs: its keyword arguments.
        rows: the rows among its arguments by the identity of their tensors.
        batch: rows of the batch.

    Returns:
        Its results.

    Raises:
        Untraceable: if it moves elements from one row of the batch to another.
    """
    starts, total = {}, 0
    for key, row in rows.items():
        starts[key] = total
        total += row.size

    def numbers(tensor: Tensor) -> Tensor:
        if id(tensor) not in rows:
            return tensor
        row = rows[id(tensor)]
        features = torch.arange(row.size, device=tensor.device).view(row.features)
        shape = [1] * len(row.shape)
        shape[row.axis] = batch
        first = torch.arange(batch, device=tensor.device).view(shape) * total
        return features.unsqueeze(row.axis) + starts[id(tensor)] + first

    out = function(*replaced(args, Tensor, numbers), **replaced(kwargs, Tensor, numbers))
    parts = list(rows.values())
    whole = parts[0].node
    if len(parts) > 1:
        whole = build.cat([row.node for row in parts], [row.size for row in parts])
    results = []
    for output in [out] if isinstance(out, Tensor) else out:
        axis = _batch_axis(output // total, batch)
        index = (output.select(axis, 0) % total).flatten().tolist()
        results.append(Row(gathered(build, whole, index), tuple(output.shape), axis))
    return results


def _batch_axis(rows: Tensor, batch: int) -> int:
    """Return the axis along which the rows of the batch follow each other."""
    for axis, size in enumerate(rows.shape):
        shape = [1] * rows.dim()
        shape[axis] = size
        if size == batch and bool((rows.cpu() == torch.arange(batch).view(shape)).all()):
            return axis
    raise Untraceable(MIXED)
