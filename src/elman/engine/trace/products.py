"""What each matrix product of aten means in a program."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from elman.engine.compiler.program import Node
from elman.engine.trace.expression import Expression, Untraceable
from elman.engine.trace.rows import Row

if TYPE_CHECKING:
    from elman.engine.trace.record import Recorder

_ROWS = "its step takes the matrix product of two rows, which the compiler does not know"


def _product(record: "Recorder", row: Row, matrix: Tensor) -> Node:
    """Return a row times a constant `[features in, features out]`."""
    left = record.build.cat([row.node], [row.size])
    return record.build.product(left, record.folding.matrix(matrix), matrix.shape[1])


def _turned(record: "Recorder", matrix: Tensor) -> Tensor:
    """Return the transpose of a constant, a constant too."""
    return record.folding.fold("t", torch.t, (matrix,), {})


def _mm(record: "Recorder", left: Tensor, right: Tensor) -> Row:
    first, second = record.values.row(left), record.values.row(right)
    shape = (left.shape[0], right.shape[1])
    if first is not None and second is None and first.axis == 0:
        return Row(_product(record, first, right), shape, 0)
    if first is None and second is not None and second.axis == 1:
        return Row(_product(record, second, _turned(record, left)), shape, 1)
    raise Untraceable(_ROWS)


def _bmm(record: "Recorder", left: Tensor, right: Tensor) -> Row:
    first, second = record.values.row(left), record.values.row(right)
    shape = (left.shape[0], left.shape[1], right.shape[2])
    if first is None or second is not None or first.axis != 1:
        raise Untraceable(_ROWS)
    size, nodes = left.shape[2], []
    for group in range(left.shape[0]):
        node = record.build.slice(first.node, group * size, (group + 1) * size)
        row = Row(node, (record.batch, size), 0)
        part = record.folding.fold("select", torch.select, (right, 0, group), {})
        nodes.append(_product(record, row, part))
    return Row(record.build.cat(nodes, [shape[2]] * len(nodes)), shape, 1)


def _mv(record: "Recorder", left: Tensor, right: Tensor) -> Row:
    row = record.values.row(left)
    if row is None or record.values.row(right) is not None or row.axis != 0:
        raise Untraceable(_ROWS)
    weights = record.folding.vector(right, tuple(left.shape), 0)
    product = record.build.apply("mul", row.node, weights)
    return Row(record.build.reduce("sum", product, row.size), (record.batch,), 0)


def _with_addend(product: Callable[..., Row]) -> Callable[..., Row]:
    """Return the form of a product that adds another tensor: beta * addend + alpha * product."""

    def add(
        record: "Recorder",
        addend: Tensor,
        left: Tensor,
        right: Tensor,
        *,
        beta: float = 1,
        alpha: float = 1,
    ) -> Row:
        result = product(record, left, right)
        row = record.values.row(addend)
        if row is None:
            node = record.folding.vector(addend, result.shape, result.axis)
        else:
            node = record.spread(row, result.shape, result.axis)
        sum_ = Expression(record.build, node) * beta + Expression(record.build, result.node) * alpha
        return result._replace(node=sum_.node)

    return add


def _linear(record: "Recorder", x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Row:
    row = record.values.row(x)
    if row is None or len(row.shape) != 2 or row.axis != 0 or record.values.row(weight) is not None:
        raise Untraceable(_ROWS)
    shape = (record.batch, weight.shape[0])
    node = _product(record, row, _turned(record, weight))
    if bias is not None:
        node = record.build.apply("add", node, record.folding.vector(bias, shape, 0))
    return Row(node, shape, 0)


PRODUCTS: dict[str, Callable[..., Any]] = {
    "mm": _mm,
    "bmm": _bmm,
    "mv": _mv,
    "addmm": _with_addend(_mm),
    "baddbmm": _with_addend(_bmm),
    "addmv": _with_addend(_mv),
    "linear": _linear,
}
"""Matrix products, by the name of the aten operation."""
