"""Bringing a recorded program into the form that back ends rely on."""

from elman.engine.compiler.builder import Builder
from elman.engine.compiler.program import (
    POINTWISE,
    REDUCTIONS,
    Node,
    Program,
    Result,
    ordered,
)


def simplified(program: Program) -> Program:
    """Fuse what is added to a product into it, and move slices down to leaves and products.

    Args:
        program: a program as it was traced or derived.

    Returns:
        A program of the same results.
    """
    return _Simplifier(program).program()


class _Simplifier:
    """Rebuilds a program node by node."""

    def __init__(self, program: Program) -> None:
        self._old = program
        self._builder = Builder()
        self._uses: dict[Node, int] = {}
        for node in program.nodes():
            for operand in node.operands:
                self._uses[operand] = self._uses.get(operand, 0) + 1
        for result in program.results:
            self._uses[result.node] = self._uses.get(result.node, 0) + 1

    def program(self) -> Program:
        new: dict[Node, Node] = {}
        for node in self._old.nodes():
            new[node] = self._rebuilt(node, [new[operand] for operand in node.operands])
        return Program(
            tuple(Result(target, new[node], width) for target, node, width in self._old.results)
        )

    def _rebuilt(self, node: Node, operands: list[Node]) -> Node:
        build = self._builder
        if node.op == "add":
            fused = self._fused(node, operands)
            if fused is not None:
                return fused
        if node.op in POINTWISE:
            return build.apply(node.op, *operands)
        if node.op in REDUCTIONS:
            return build.reduce(node.op, operands[0], node.operands[0].width)
        if node.op == "slice":
            return build.slice(operands[0], node.attribute, node.attribute + node.width)
        if node.op == "cat":
            return build.cat(operands, [operand.width for operand in node.operands])
        if node.op == "spread":
            return build.cat(operands, [node.width])
        return build._make(node.op, tuple(operands), node.width, node.attribute)

    def _fused(self, node: Node, operands: list[Node]) -> Node | None:
        """Give a product of no other use the other summand as what it starts from."""
        pairs = [(0, 1), (1, 0)]
        if all(operand.op == "product" for operand in operands) and reads_state(operands[1]):
            pairs.reverse()  # what needs no state comes first, so that it can be done beforehand
        for one, other in pairs:
            product, addend = operands[one], operands[other]
            single = self._uses[node.operands[one]] == 1
            if product.op != "product" or not single or addend.width != product.width:
                continue
            if addend.op == "leaf" or (
                addend.op == "product" and self._uses[node.operands[other]] == 1
            ):
                return self._with_addend(product, addend)
        return None

    def _with_addend(self, product: Node, addend: Node) -> Node | None:
        build, matrix = self._builder, product.attribute
        if len(product.operands) == 1:
            return build.product(product.operands[0], matrix, product.width, addend)
        if product.operands[1].op == "product":
            inner = self._with_addend(product.operands[1], addend)
            if inner is not None:
                return build.product(product.operands[0], matrix, product.width, inner)
        return None


def reads_state(node: Node) -> bool:
    """Say whether a value depends on the state.

    Args:
        node: any node.

    Returns:
        True where a leaf of kind `state` is among what it is computed from.
    """
    return any(part.op == "leaf" and part.attribute.kind == "state" for part in ordered([node]))


def reads_inputs_alone(node: Node) -> bool:
    """Say whether a value is a product that reads but an input and what is known before a step.

    Args:
        node: any node.

    Returns:
        True where the product can be done for all steps at once.
    """
    if node.op != "product":
        return False
    left, *addend = node.operands
    return _is_given(left, "input") and all(
        reads_inputs_alone(part) or _is_given(part, "input", "vector") for part in addend
    )


def _is_given(node: Node, *kinds: str) -> bool:
    return node.op == "leaf" and node.attribute.kind in kinds
