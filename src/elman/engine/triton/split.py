"""A program's rows cut where their features part ways, since tiles cannot be sliced."""

from itertools import pairwise
from typing import NamedTuple

from elman.engine.compiler.builder import Builder
from elman.engine.compiler.program import (
    POINTWISE,
    REDUCTIONS,
    Matrix,
    Node,
    Program,
    Result,
    Source,
)


class Block(NamedTuple):
    """Some columns of a weight matrix as the right side of a product.

    Attributes:
        matrix: the weight.
        start: the first column.
        features: columns of the whole matrix.
    """

    matrix: Matrix
    start: int
    features: int


class Part(NamedTuple):
    """Some features of a leaf.

    Attributes:
        source: the leaf's.
        start: the first feature.
        features: of the whole leaf.
    """

    source: Source
    start: int
    features: int


def split(program: Program) -> Program:
    """Make each slice a product or a leaf of its own.

    Args:
        program: a simplified program.

    Returns:
        A program of the same results without slices. Products have a `Block` as their attribute,
        and leaves a `Part`.
    """
    nodes = program.nodes()
    cuts = _cuts(nodes)
    rebuilt = _rebuilt(program, nodes, cuts)
    # A row that meets a cut one may only now be cut itself.
    return split(rebuilt) if cuts else rebuilt


def _cuts(nodes: list[Node]) -> dict[Node, set[int]]:
    """Return where leaves and products are cut, those that a cut product starts from too."""
    cuts: dict[Node, set[int]] = {}
    for node in reversed(nodes):
        if node.op == "slice":
            edges = (node.attribute, node.attribute + node.width)
            cuts.setdefault(node.operands[0], set()).update(edges)
        elif node.op == "product" and len(node.operands) == 2 and node in cuts:
            cuts.setdefault(node.operands[1], set()).update(cuts[node])
    return cuts


def _rebuilt(program: Program, nodes: list[Node], cuts: dict[Node, set[int]]) -> Program:
    build = Builder()
    new: dict[Node, Node] = {}
    for node in nodes:
        parts = [new[part] for part in node.operands]
        if node.op in ("leaf", "product"):
            edges = sorted({0, node.width, *cuts.get(node, ())})
            cut = [_cut(build, node, parts, *ends) for ends in pairwise(edges)]
            new[node] = build.cat(cut, [piece.width for piece in cut])
        elif node.op in POINTWISE:
            new[node] = build.apply(node.op, *parts)
        elif node.op in REDUCTIONS:
            new[node] = build.reduce(node.op, parts[0], node.operands[0].width)
        elif node.op == "slice":
            new[node] = build.slice(parts[0], node.attribute, node.attribute + node.width)
        elif node.op in ("cat", "spread"):
            widths = [part.width for part in node.operands]
            new[node] = build.cat(parts, widths if node.op == "cat" else [node.width])
        else:
            new[node] = node
    results = (Result(target, new[node], width) for target, node, width in program.results)
    return Program(tuple(results))


def _cut(build: Builder, node: Node, parts: list[Node], start: int, stop: int) -> Node:
    """Return some features of a leaf or product, as a node that a builder does not rejoin."""
    attribute = node.attribute
    if not isinstance(attribute, Block | Part):
        whole = Part if node.op == "leaf" else Block
        attribute = whole(attribute, 0, node.width)
    attribute = attribute._replace(start=attribute.start + start)
    operands = [*parts[:1], *(build.slice(part, start, stop) for part in parts[1:])]
    return Node(node.op, tuple(operands), stop - start, attribute)
