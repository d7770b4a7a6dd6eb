"""The tiles of a program's values: how each node is written in a kernel."""

from collections.abc import Iterable, Sequence
from math import isfinite
from typing import NamedTuple

from elman.engine.compiler.program import Node, Result, Source
from elman.engine.triton.kernel import Setting, Span, tile
from elman.engine.triton.source import Writer
from elman.engine.triton.split import Part

_FORMS = {
    "neg": "-{0}",
    "exp": "tl.exp({0})",
    "log": "tl.log({0})",
    "tanh": "tanh({0})",
    "sigmoid": "tl.sigmoid({0})",
    "sqrt": "tl.sqrt({0})",
    "abs": "tl.abs({0})",
    "floor": "tl.floor({0})",
    "sin": "tl.sin({0})",
    "cos": "tl.cos({0})",
    "add": "{0} + {1}",
    "sub": "{0} - {1}",
    "mul": "{0} * {1}",
    "div": "{0} / {1}",
    "maximum": "tl.maximum({0}, {1}, propagate_nan=tl.PropagateNan.ALL)",
    "minimum": "tl.minimum({0}, {1}, propagate_nan=tl.PropagateNan.ALL)",
    "lt": "({0} < {1}).to({type})",
    "le": "({0} <= {1}).to({type})",
    "eq": "({0} == {1}).to({type})",
    "where": "tl.where({0} != 0, {1}, {2})",
    "sum": "row_sum({0}, {column}, {width})",
    "amax": "row_maximum({0}, {column}, {width})",
}


class Home(NamedTuple):
    """Where a row lies: a buffer, and how many steps ahead."""

    source: Source
    ahead: int = 0


class Piece(NamedTuple):
    """A value that fills some features of a row: the first of them, and how many."""

    node: Node
    start: int
    width: int


def pieces(node: Node, width: int) -> list[Piece]:
    """Return a row as the values it is put together from.

    Args:
        node: the row.
        width: its features, which a value of width 1 fills.

    Returns:
        One piece, or those of a `cat`.
    """
    parts: Sequence[Node] = node.operands if node.op == "cat" else (node,)
    found, start = [], 0
    for part in parts:
        size = part.width if node.op == "cat" else width
        found.append(Piece(part.operands[0] if part.op == "spread" else part, start, size))
        start += size
    return found


class Tiles:
    """Writes the values of a program that `split` has made, and where they go.

    Args:
        setting: what the kernel is written for.
        loop: whether it runs over all steps, or computes one.
        homes: where leaves lie that do not lie where their source says.
        held: whether weights stay on the chip, or are read again at each step.

    Attributes:
        writer: the kernel.
    """

    writer: Writer

    def __init__(
        self, setting: Setting, *, loop: bool, homes: dict[Source, Home], held: bool = True
    ) -> None:
        self.writer = Writer(setting, loop=loop, held=held)
        self._setting = setting
        self._homes = homes
        self._names: dict[Node, str] = {}
        self._tiles: dict[Source, str] = {}
        self._lefts: dict[tuple[Node, int], str] = {}

    def compute(self, nodes: Iterable[Node]) -> None:
        """Write the computation of values, reading first what lies in memory.

        Args:
            nodes: the values with all that they are computed from, operands first.
        """
        nodes = list(nodes)
        for node in nodes:
            if node.op == "leaf":
                self.value(node)
        for node in nodes:
            if node.op not in ("cat", "spread"):
                self.value(node)

    def value(self, node: Node) -> str:
        """Return the name of a value's tile.

        Args:
            node: the value; those it is computed from have been written.

        Returns:
            A name in the kernel.
        """
        if node not in self._names:
            self._names[node] = self._write(node)
        return self._names[node]

    def hold(self, result: Result) -> None:
        """Let the next step read a carried result from a tile instead of memory.

        Args:
            result: a result that is no `cat`, and whose leaf is only read whole.
        """
        target, _, width = result
        first = "time" if self._setting.backward else "0"
        load = self.writer.load(Span(target, width, 0, width), first)
        self._tiles[target] = self.writer.define_before(load)

    def finish(self, results: Iterable[Result]) -> None:
        """Write where results go; the last lines of a step.

        Args:
            results: the results; what they are computed from has been written.
        """
        moves: list[str] = []
        # What the next step reads comes last: results may be what this step has read.
        for result in sorted(results, key=self._is_carried):
            target, node, width = result
            for piece, start, size in pieces(node, width):
                span, value = Span(target, width, start, size), self.value(piece)
                if self._is_carried(result):
                    moves += self._carry(span, value)
                elif target.kind == "vector_gradient":
                    self.writer.add(span, value)
                elif target.kind == "output":
                    self.writer.store(span, self.writer.active(value, "0.0"))
                else:
                    self.writer.store(span, value)
        self.writer.body += dict.fromkeys(moves)

    def _is_carried(self, result: Result) -> bool:
        return result.target.kind == self._setting.carried

    def _carry(self, span: Span, value: str) -> list[str]:
        """Write what the next step reads; return the lines that end the step."""
        held = self._tiles.get(span.source)
        new = self._next(span, value, held)
        if held is None:
            self.writer.store(span, new, self._step(self._setting.after))
            return ["tl.debug_barrier()"] if self.writer.loop else []
        new = self.writer.define(self.writer.whole(new, span.width))
        if self._setting.backward:
            self.writer.store_after(span, held)
        else:
            self.writer.store(span, new, self._step(self._setting.after))
        return [f"{held} = {new}"]

    def _next(self, span: Span, new: str, held: str | None) -> str:
        """Return what the next step reads: after lengths and resets have had their say."""
        writer, index = self.writer, span.source.index
        if self._setting.ragged:
            old = held or writer.load(span, self._step(self._setting.before))
            new = writer.define(writer.active(new, old))
        if not self._setting.resets:
            return new
        if not self._setting.backward:
            fresh = span._replace(source=Source("initial", index))
            if writer.loop and held:
                return writer.again(writer.define_before(writer.load(fresh)), new)
            return writer.again(writer.load(fresh), new)
        total = span._replace(source=Source("initial_gradient", index))
        writer.add(total, writer.define(writer.again(new, "0.0")))
        return writer.again("0.0", new)

    def _step(self, ahead: int) -> str:
        return f"(t + {ahead})" if ahead else "t"

    def _write(self, node: Node) -> str:
        if node.op == "leaf":
            return self._leaf(node.attribute, node.width)
        if node.op == "product":
            return self._product(node)
        if node.op == "number":
            return self._number(node.attribute)
        return self.writer.define(self._formula(node))

    def _leaf(self, part: Part, width: int) -> str:
        source = part.source
        carried = source.kind == self._setting.carried
        if source in self._tiles:
            name = self._tiles[source]
        else:
            home = self._homes.get(source, Home(source, self._setting.before if carried else 0))
            span = Span(home.source, part.features, part.start, width)
            if source.kind == "vector":
                return self.writer.define_before(self.writer.load(span))
            name = self.writer.define(self.writer.load(span, self._step(home.ahead)))
        if carried and self._setting.backward and self._setting.ragged:
            return self.writer.define(self.writer.active(name, "0.0"))
        return name

    def _number(self, number: float) -> str:
        text = repr(number) if isfinite(number) else f'float("{number}")'
        return self.writer.define_before(f"tl.full((1, 1), {text}, {self.writer.type})")

    def _formula(self, node: Node) -> str:
        values = [self.value(part) for part in node.operands]
        wide = node.operands[0].width
        column = self.writer.column(wide) if node.op in ("sum", "amax") else ""
        return _FORMS[node.op].format(*values, type=self.writer.type, column=column, width=wide)

    def _product(self, node: Node) -> str:
        """Write a product: the row it starts from, then piece by piece."""
        left, (matrix, start, columns) = node.operands[0], node.attribute
        total = ""
        if len(node.operands) == 2:
            total = self.value(node.operands[1])
            if node.operands[1].op != "product":
                total = self.writer.define(self.writer.whole(total, node.width))
        strides = (1, left.width) if matrix.transposed else (columns, 1)
        for part in pieces(left, left.width):
            sizes = (part.start, part.width), (start, node.width)
            weight = self.writer.weight(matrix.index, strides, *sizes)
            total = self._multiplied(part, weight, node.width, total)
        return total

    def _multiplied(self, left: Piece, weight: str, width: int, total: str) -> str:
        """Write the product of a piece with a tile of weights, added to a total."""
        if left.width > 1 and width > 1:
            return self.writer.dot(self._left(left), left.width, weight, total)
        value = self.value(left.node) if left.width == 1 else self._left(left)
        term = f"{value} * {weight}"
        if left.width > 1:
            term = f"tl.sum({term}, axis=1, keep_dims=True)"
        whole = self.writer.whole(term, width)
        return self.writer.define(f"{total} + {whole}" if total else whole)

    def _left(self, left: Piece) -> str:
        """Write a row as a full tile with zeros beyond its width."""
        key = left.node, left.width
        if key not in self._lefts:
            value = self.value(left.node)
            if left.width < tile(left.width):
                # There the tile may hold anything, such as the logarithm of 0.
                mask = f"{self.writer.column(left.width)} < {left.width}"
                value = f"tl.where({mask}, {value}, 0.0)"
            self._lefts[key] = self.writer.define(self.writer.whole(value, left.width))
        return self._lefts[key]
