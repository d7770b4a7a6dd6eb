"""Making the values of a program, each distinct one once."""

from collections.abc import Iterable, Sequence
from typing import Any

from elman.engine.compiler.program import (
    POINTWISE,
    REDUCTIONS,
    Matrix,
    Node,
    Source,
    ordered,
)


class Builder:
    """Makes nodes, each distinct value once, in a form that back ends can rely on.

    A `slice` is taken only of a leaf or a product, and a `cat` is never an operand of anything
    but a product: both are moved through the pointwise operations around them.

    Args:
        fold: whether to bring nodes into that form; a recording for `simplified` stays as it was.
        gate: whether what is multiplied with a choice of 0 need not be looked at; a gradient that
            is not wanted is 0 even where the other factor is not finite.
    """

    def __init__(self, *, fold: bool = True, gate: bool = False) -> None:
        self._fold = fold
        self._gate = gate
        self._nodes: dict[tuple[Any, ...], Node] = {}
        self._known: dict[tuple[str, Node], Node] = {}
        self._reduced: dict[Node, bool] = {}
        self._waiting: dict[Node, bool] = {}

    def leaf(self, kind: str, index: int, width: int) -> Node:
        """Return the value read from a place.

        Args:
            kind: the kind of place, such as `input`, `state` or `vector`.
            index: its number among those of its kind.
            width: its features.

        Returns:
            The node.
        """
        return self._make("leaf", (), width, Source(kind, index))

    def number(self, value: float) -> Node:
        """Return a constant.

        Args:
            value: the number.

        Returns:
            The node, of width 1.
        """
        return self._make("number", (), 1, float(value))

    def apply(self, op: str, *operands: Node) -> Node:
        """Return a pointwise operation of operands of one width, or of width 1.

        Args:
            op: one of `POINTWISE`.
            operands: as many as the operation takes.

        Returns:
            The node, simplified where that loses nothing.
        """
        if not self._fold:
            return self._make(op, operands, max(operand.width for operand in operands))
        operands = tuple(part.operands[0] if part.op == "spread" else part for part in operands)
        simple = self._simplified(op, operands)
        if simple is not None:
            return simple
        width = max(operand.width for operand in operands)
        pieces = next((operand.operands for operand in operands if operand.op == "cat"), None)
        if pieces is None:
            return self._make(op, operands, width)
        parts, start = [], 0
        for piece in pieces:
            stop = start + piece.width
            parts.append(
                self.apply(op, *(self.slice(operand, start, stop) for operand in operands))
            )
            start = stop
        return self.cat(parts, [piece.width for piece in pieces])

    def reduce(self, op: str, node: Node, width: int) -> Node:
        """Return the sum or maximum over the features of a row.

        Args:
            op: one of `REDUCTIONS`.
            node: the row.
            width: its features; may be more than 1 where `node` has width 1.

        Returns:
            The node, of width 1.
        """
        if node.op == "spread":
            node = node.operands[0]
        if (op, node) in self._known:
            return self._known[op, node]
        if node.width == 1:
            return self.apply("mul", node, self.number(width)) if op == "sum" else node
        if node.op == "cat" and self._fold:
            parts = [self.reduce(op, piece, piece.width) for piece in node.operands]
            total = parts[0]
            for part in parts[1:]:
                total = self.apply("add" if op == "sum" else "maximum", total, part)
            return total
        if op == "sum" and self._fold:
            self._known[op, node] = self._sum(node)
            return self._known[op, node]
        return self._make(op, (node,), 1)

    def know(self, op: str, node: Node, value: Node) -> None:
        """Tell what a reduction gives, so that it is not done again.

        Args:
            op: one of `REDUCTIONS`.
            node: the row.
            value: its reduction, of width 1.
        """
        self._known[op, node] = value

    def _sum(self, node: Node) -> Node:
        """Take what is the same for all features out of a sum over them, and what adds up to 0.

        A sum of two is done in two where one of them waits for another reduction: then neither
        sum has to.
        """
        if self._is_centred(node):
            return self.number(0.0)
        if node.op == "neg" or (node.op in ("add", "sub") and self._waits(node)):
            return self.apply(node.op, *(self.reduce("sum", p, p.width) for p in node.operands))
        for factor, other in _factors(node):
            total = self.reduce("sum", other, other.width)
            if _is_zero(total):
                return total
            return self.apply(node.op, *_in_order(node, factor, total))
        return self._make("sum", (node,), 1)

    def _waits(self, node: Node) -> bool:
        """Say whether a row waits for a reduction that its sum can do without until later."""
        if node not in self._waiting:
            if node.op == "neg" or (node.op in ("add", "sub") and _are_wide(node.operands)):
                found = any(map(self._waits, node.operands))
            else:
                found = any(self._is_reduced(factor) for factor, _ in _factors(node))
            self._waiting[node] = found or self._is_centred(node)
        return self._waiting[node]

    def _is_reduced(self, node: Node) -> bool:
        """Say whether a value depends on a reduction of this step."""
        if node not in self._reduced:
            self._reduced[node] = any(part.op in REDUCTIONS for part in ordered([node]))
        return self._reduced[node]

    def _is_centred(self, node: Node) -> bool:
        """Say whether a row is another less its mean; such a row adds up to 0."""
        if node.op != "sub" or node.operands[1].op != "div":
            return False
        row, mean = node.operands
        return row.width > 1 and mean is self.apply(
            "div", self.reduce("sum", row, row.width), self.number(row.width)
        )

    def slice(self, node: Node, start: int, stop: int) -> Node:
        """Return some features of a row.

        Args:
            node: the row.
            start: the first feature.
            stop: one beyond the last.

        Returns:
            The node, of width `stop - start`, or `node` itself where its width is 1.
        """
        if node.width == 1 or (start, stop) == (0, node.width):
            return node
        if not self._fold:
            return self._make("slice", (node,), stop - start, start)
        if node.op == "spread":
            return node.operands[0]
        if node.op == "slice":
            return self.slice(node.operands[0], node.attribute + start, node.attribute + stop)
        if node.op in POINTWISE:
            return self.apply(node.op, *(self.slice(part, start, stop) for part in node.operands))
        if node.op == "cat":
            parts, widths, begin = [], [], 0
            for piece in node.operands:
                low, high = max(start - begin, 0), min(stop - begin, piece.width)
                if low < high:
                    parts.append(self.slice(piece, low, high))
                    widths.append(high - low)
                begin += piece.width
            return self.cat(parts, widths)
        return self._make("slice", (node,), stop - start, start)

    def cat(self, parts: Sequence[Node], widths: Sequence[int]) -> Node:
        """Return rows side by side.

        Args:
            parts: the rows, left to right.
            widths: the features of each, which a part of width 1 fills with its value.

        Returns:
            The node.
        """
        flat: list[Node] = []
        for part, width in zip(parts, widths, strict=True):
            if width == 0:
                continue
            wide = part if part.width == width else self._make("spread", (part,), width)
            flat.extend(wide.operands if wide.op == "cat" and self._fold else (wide,))
        if len(flat) == 1:
            return flat[0]
        whole = _rejoined(flat)
        return whole or self._make("cat", tuple(flat), sum(part.width for part in flat))

    def product(self, left: Node, matrix: Matrix, width: int, addend: Node | None = None) -> Node:
        """Return a row times a weight matrix, plus perhaps another row.

        Args:
            left: the row.
            matrix: the weight matrix.
            width: features of the result.
            addend: a leaf or another product of that width, of no other use.

        Returns:
            The node.
        """
        operands = (left,) if addend is None else (left, addend)
        return self._make("product", operands, width, matrix)

    def _make(self, op: str, operands: tuple[Node, ...], width: int, attribute: Any = None) -> Node:
        key = (op, *map(id, operands), width, attribute, str(attribute))
        if key not in self._nodes:
            self._nodes[key] = Node(op, operands, width, attribute)
        return self._nodes[key]

    def _simplified(self, op: str, operands: tuple[Node, ...]) -> Node | None:
        """Drop what changes no number: adding 0, taking 0 away, multiplying or dividing by 1."""
        numbers = [operand.attribute if operand.op == "number" else None for operand in operands]
        if op in ("add", "sub") and numbers[1] == 0:
            return operands[0]
        if op == "add" and numbers[0] == 0:
            return operands[1]
        if op in ("mul", "div") and numbers[1] == 1:
            return operands[0]
        if op == "mul" and numbers[0] == 1:
            return operands[1]
        if op == "sub" and numbers[0] == 0:
            return self.apply("neg", operands[1])
        same = op == "where" and operands[1] is operands[2]
        if same and operands[0].width in (1, operands[1].width):
            return operands[1]
        return self._gated(op, operands) if self._gate else None

    def _gated(self, op: str, operands: tuple[Node, ...]) -> Node | None:
        """Move a choice between a value and 0, one for the whole row, behind what is made of it."""
        gates = [
            part.operands[0] if part.op == "where" and _is_gated(part) else None
            for part in operands
        ]
        gate = next((gate for gate in gates if gate is not None), None)
        both = op == "add" and gates[0] is not None and gates[0] is gates[1]
        one = op in ("neg", "mul") or (op == "div" and gates[0] is not None)
        if gate is None or not (both or one):
            return None
        inner = [
            part.operands[1] if own is gate else part
            for part, own in zip(operands, gates, strict=True)
        ]
        return self.apply("where", gate, self.apply(op, *inner), self.number(0.0))


def _factors(node: Node) -> list[tuple[Node, Node]]:
    """Return what a row is multiplied with or divided by for all features alike, and the rest."""
    if node.op == "mul":
        pairs = (node.operands, node.operands[::-1])
        return [(one, other) for one, other in pairs if one.width == 1 < other.width]
    if node.op == "div" and node.operands[1].width == 1 < node.operands[0].width:
        return [(node.operands[1], node.operands[0])]
    return []


def _are_wide(nodes: Iterable[Node]) -> bool:
    return all(node.width > 1 for node in nodes)


def _in_order(node: Node, factor: Node, other: Node) -> tuple[Node, Node]:
    """Return the operands of a product or quotient as they stood."""
    return (factor, other) if node.operands[0].width == 1 else (other, factor)


def _is_zero(node: Node) -> bool:
    return node.op == "number" and node.attribute == 0


def _is_gated(node: Node) -> bool:
    condition, _, otherwise = node.operands
    return condition.width == 1 and otherwise.op == "number" and otherwise.attribute == 0


def _rejoined(parts: Sequence[Node]) -> Node | None:
    """Return the row whose slices, in order and complete, the parts are."""
    if any(part.op != "slice" for part in parts):
        return None
    base, start = parts[0].operands[0], 0
    for part in parts:
        if part.operands[0] is not base or part.attribute != start:
            return None
        start += part.width
    return base if start == base.width else None
