"""Products of the inputs, taken apart at groups of features that change at different times."""

from collections.abc import Sequence
from dataclasses import replace

import torch

from elman.engine.compiler.builder import Builder
from elman.engine.compiler.gates import gates
from elman.engine.compiler.program import Matrix, Node, Program
from elman.engine.compiler.simplify import reads_inputs_alone, simplified
from elman.engine.trace.constants import Call, Constants, Reference

Span = tuple[int, int]
"""Some features: the first, and how many."""


def by_clocks(program: Program, constants: Constants) -> tuple[Program, Constants]:
    """Take products of the inputs apart where groups of their features have clocks of their own.

    A group of units that keeps its state needs no input. As long as one product makes the inputs
    of all groups, it makes them for every step.

    Args:
        program: a simplified program.
        constants: its vectors and matrices.

    Returns:
        A program of the same results, and its vectors and matrices, parts of the others among
        them; the same ones where no product is taken apart.
    """
    spans = _spans(program)
    return _Rebuilt(program, constants, spans).both() if spans else (program, constants)


class _Rebuilt:
    """Rebuilds a program with products of some features in the place of those of all."""

    def __init__(
        self, program: Program, constants: Constants, spans: dict[Node, list[Span]]
    ) -> None:
        self._program = program
        self._spans = spans
        self._build = Builder()
        self._entries = list(constants.entries)
        self._vectors, self._matrices = list(constants.vectors), list(constants.matrices)

    def both(self) -> tuple[Program, Constants]:
        parts: dict[tuple[Node, Span], Node] = {}
        new: dict[Node, Node] = {}
        for node in self._program.nodes():
            if node in self._spans:
                for span in self._spans[node]:
                    parts[node, span] = self._part(node, span, new)
            elif node.op == "slice" and node.operands[0] in self._spans:
                new[node] = parts[node.operands[0], (node.attribute, node.width)]
            else:
                new[node] = replace(node, operands=tuple(new[part] for part in node.operands))
        results = (part._replace(node=new[part.node]) for part in self._program.results)
        constants = Constants(tuple(self._entries), tuple(self._vectors), tuple(self._matrices))
        return simplified(Program(tuple(results))), constants

    def _part(self, product: Node, span: Span, new: dict[Node, Node]) -> Node:
        """Return the product that makes some of a product's features alone."""
        left, *addend = product.operands
        index, transposed = product.attribute
        matrix = Matrix(len(self._matrices), transposed)
        self._matrices.append(self._narrowed(self._matrices[index], 0 if transposed else 1, span))
        found = self._build.product(new[left], matrix, span[1])
        return self._build.apply("add", found, self._addend(addend[0], span)) if addend else found

    def _addend(self, vector: Node, span: Span) -> Node:
        self._vectors.append(self._narrowed(self._vectors[vector.attribute.index], 0, span))
        return self._build.leaf("vector", len(self._vectors) - 1, span[1])

    def _narrowed(self, whole: Reference, axis: int, span: Span) -> Reference:
        start, width = span
        arguments = whole, axis, start, start + width
        self._entries.append(Call(torch.ops.aten.slice.Tensor, arguments, {}, gradients=True))
        return Reference(len(self._entries) - 1)


def _spans(program: Program) -> dict[Node, list[Span]]:
    """Return the products to take apart, and their parts."""
    nodes = program.nodes()
    of = gates(program).of
    users: dict[Node, list[Node]] = {}
    for node in nodes:
        for part in node.operands:
            users.setdefault(part, []).append(node)
    whole = {result.node for result in program.results}
    found = {}
    for node in nodes:
        if node in whole or not reads_inputs_alone(node) or not _is_simple(node):
            continue
        slices = users.get(node, [])
        apart = all(user.op == "slice" for user in slices)
        spans = sorted((user.attribute, user.width) for user in slices) if apart else []
        if len({of.get(user) for user in slices}) > 1 and _are_apart(spans):
            found[node] = spans
    return found


def _is_simple(product: Node) -> bool:
    """Say whether nothing or a vector is added to a product."""
    addend = product.operands[1:]
    return all(part.op == "leaf" and part.attribute.kind == "vector" for part in addend)


def _are_apart(spans: Sequence[Span]) -> bool:
    ends = [start + width for start, width in spans]
    return bool(spans) and all(
        end <= start for end, (start, _) in zip(ends, spans[1:], strict=False)
    )
