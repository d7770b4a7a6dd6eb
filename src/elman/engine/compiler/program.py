"""The flat program of a cell: rows of features, pointwise operations, products with weights.

A program says what one time step computes for one row of the batch. Every value is a row of
`width` features; a value of width 1 stands for as many equal features as its user has. Back ends
execute the same program: as native code on a CPU, as a Triton kernel on a GPU.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

UNARY = ("neg", "exp", "log", "tanh", "sigmoid", "sqrt", "abs", "floor", "sin", "cos")
BINARY = ("add", "sub", "mul", "div", "maximum", "minimum", "lt", "le", "eq")
POINTWISE = (*UNARY, *BINARY, "where")
"""Operations feature by feature. `lt`, `le` and `eq` give 1 or 0; `where` takes its second operand
where the first is not 0, else its third. `maximum` and `minimum` pass NaN on."""
REDUCTIONS = ("sum", "amax")
"""Operations over all features of a row, giving width 1."""


class Source(NamedTuple):
    """Where a leaf is read or a result is written: the kind of a place and its number."""

    kind: str
    index: int  # type: ignore[assignment]  # a tuple has a method of that name


@dataclass(frozen=True, eq=False, slots=True)
class Node:
    """One value of a program.

    Attributes:
        op: `leaf` (attribute: its `Source`), `number` (attribute: a float), `slice` (attribute:
            start; of a leaf or product), `cat`, `spread` (a part of a `cat` that is one feature
            repeated), `product`, or one of `POINTWISE` and `REDUCTIONS`.
        operands: the values it is computed from. A `product` has the row on its left and perhaps
            a row that is added.
        width: features.
        attribute: as `op` says; of a `product` its `Matrix`.
    """

    op: str
    operands: tuple["Node", ...]
    width: int
    attribute: Any = None


class Matrix(NamedTuple):
    """A weight matrix as the right side of a product.

    Attributes:
        index: which of the call's matrices.
        transposed: whether the matrix is stored as [features out, features in].
    """

    index: int  # type: ignore[assignment]
    transposed: bool


class Result(NamedTuple):
    """A value that leaves the step: where it goes, and with how many features."""

    target: Source
    node: Node
    width: int


class Saved(NamedTuple):
    """A value kept for the derivative in the place of what it was computed from.

    Attributes:
        node: the value.
        product: the number of the product whose place it takes; the count of products for
            reductions, which have a place of their own.
        start: the first of the place's features that it takes.
    """

    node: Node
    product: int
    start: int


class Reused(NamedTuple):
    """A result that may take the place of a product, which is read by this step alone.

    Attributes:
        target: the result's.
        product: the number of the product, as wide as the result.
    """

    target: Source
    product: int


@dataclass(frozen=True)
class Program:
    """What one time step computes.

    Attributes:
        results: the values that leave the step; the nodes are those that they need.
        saved: reductions, and values kept in the places of products that nothing else reads.
        reused: places of products in which results may lie, of a backward step.
    """

    results: tuple[Result, ...]
    saved: tuple[Saved, ...] = ()
    reused: tuple[Reused, ...] = ()

    def nodes(self) -> list[Node]:
        """Return every node once, operands before their users."""
        return ordered(result.node for result in self.results)

    def text(self) -> str:
        """Return the program as one line a node, equal for equal programs."""
        numbers: dict[Node, int] = {}
        lines = []
        for node in self.nodes():
            numbers[node] = len(numbers)
            operands = " ".join(f"%{numbers[operand]}" for operand in node.operands)
            attribute = "" if node.attribute is None else f" {_plain(node.attribute)}"
            lines.append(f"%{numbers[node]}[{node.width}] = {node.op}{attribute} {operands}")
        for target, node, width in self.results:
            lines.append(f"{_plain(target)}[{width}] = %{numbers[node]}")
        for node, product, start in self.saved:
            lines.append(f"saved {product} {start} = %{numbers[node]}")
        for target, product in self.reused:
            lines.append(f"reused {product} = {_plain(target)}")
        return "\n".join(lines)


def ordered(roots: Iterable[Node]) -> list[Node]:
    """Return nodes and all that they are computed from, operands before their users.

    Args:
        roots: the nodes to start from.

    Returns:
        Each node once.
    """
    done: dict[Node, None] = {}
    stack: list[tuple[Node, Iterator[Node]]] = []
    for root in roots:
        stack.append((root, iter(root.operands)))
        while stack:
            node, remaining = stack[-1]
            if node in done:
                stack.pop()
                continue
            operand = next(remaining, None)
            if operand is None:
                done[node] = None
                stack.pop()
            elif operand not in done:
                stack.append((operand, iter(operand.operands)))
    return list(done)


def _plain(attribute: Any) -> str:
    return repr(tuple(attribute)) if isinstance(attribute, tuple) else repr(attribute)
