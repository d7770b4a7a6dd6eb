"""Conditions of whole rows, such as clocks, and what need not be computed where they fail."""

from collections.abc import Iterable
from typing import NamedTuple

from elman.engine.compiler.program import Node, Program, ordered
from elman.engine.compiler.simplify import reads_inputs_alone


class Gates(NamedTuple):
    """The conditions of a program.

    Attributes:
        all: each of them, known before the first product.
        of: the values that matter only where their condition holds, and the choices between such
            a value and another, which can be written as one or the other.
    """

    all: tuple[Node, ...]
    of: dict[Node, Node]


def gates(program: Program) -> Gates:
    """Find what a program need not compute for every row.

    Args:
        program: a simplified program.

    Returns:
        Its gates.
    """
    nodes = program.nodes()
    choices = _choices(program, nodes)
    demand: dict[Node, Node | None] = {}

    def require(node: Node, gate: Node | None) -> None:
        demand[node] = gate if demand.get(node, gate) is gate else None

    for result in program.results:
        for part in _pieces(result.node):
            if part not in choices:
                require(part, None)
    for node in reversed(nodes):
        if node in choices:
            gate, taken, otherwise = node.operands
            require(gate, None)
            require(taken, gate)
            require(otherwise, None)
        elif node.op != "cat" or any(part not in choices for part in node.operands):
            for part in node.operands:
                require(part, demand.get(node))
    found = {node: gate for node, gate in demand.items() if gate is not None} | choices
    zero = {zero_without(node.operands[0]) for node in nodes if node.op == "product"}
    wanted = zero | set(found.values())
    return Gates(tuple(node for node in nodes if node in wanted), found)


def beforehand(nodes: Iterable[Node], found: Gates) -> list[Node]:
    """Return the products that can be done for all steps at once, and are worth it.

    Args:
        nodes: the nodes of a program.
        found: its gates.

    Returns:
        The products of the inputs alone, without those of groups with clocks of their own.
    """
    products = [node for node in nodes if reads_inputs_alone(node)]
    conditions = {found.of.get(node) for node in products}
    return [node for node in products if len(conditions) == 1 or node not in found.of]


def _choices(program: Program, nodes: list[Node]) -> dict[Node, Node]:
    """Return the choices that are results themselves, read by nothing else, with their gates."""
    operands = {part for node in nodes if node.op != "cat" for part in node.operands}
    return {
        part: part.operands[0]
        for result in program.results
        for part in _pieces(result.node)
        if part.op == "where" and part not in operands and _is_early(part.operands[0])
    }


def _pieces(node: Node) -> tuple[Node, ...]:
    return node.operands if node.op == "cat" else (node,)


def zero_without(node: Node) -> Node | None:
    """Return the condition without which a row is 0.

    Args:
        node: any row.

    Returns:
        The condition, or none.
    """
    found = {
        part.operands[0]
        if part.op == "where"
        and _is_early(part.operands[0])
        and part.operands[2].op == "number"
        and part.operands[2].attribute == 0
        else None
        for part in _pieces(node)
    }
    return found.pop() if len(found) == 1 else None


def _is_early(condition: Node) -> bool:
    """Say whether a condition is one for the whole row and needs no product."""
    return condition.width == 1 and all(
        part.op not in ("product", "sum", "amax") for part in ordered([condition])
    )
