"""Native code of row programs: the loops over features of one stage, for a range of rows."""

from collections.abc import Callable
from typing import Any

from llvmlite import ir

from elman.engine.compiler.program import REDUCTIONS, Node, Source
from elman.engine.compiler.schedule import Loop, Place, Schedule, Stage, Store
from elman.engine.native.emission import (
    BOOLEAN,
    FLOAT,
    INTEGER,
    POINTER,
    counted,
    function,
    integer,
    prefetch,
)
from elman.engine.native.layout import Layout
from elman.engine.native.vector import VectorBuilder

ROW_PROGRAM = (POINTER, INTEGER, INTEGER, INTEGER, INTEGER)
"""Arguments of a row program: words, step, first row, one beyond the last, thread."""

_STREAMED = frozenset(("input", "output_gradient", "product"))
"""Kinds of buffers with rows for each step, which were written long before they are read."""


def load_word(builder: Any, words: Any, index: int) -> Any:
    """Emit the reading of a word of the argument.

    Args:
        builder: where to emit.
        words: the argument.
        index: which word.

    Returns:
        Its value.
    """
    return builder.load(builder.gep(words, [integer(index)], source_etype=INTEGER), typ=INTEGER)


def place_address(
    builder: Any, words: Any, layout: Layout, place: Place, step: Any
) -> tuple[Any, Any]:
    """Emit the address of a place's first row at a step.

    Args:
        builder: where to emit.
        words: the argument.
        layout: where its words are.
        place: which place.
        step: the step's number.

    Returns:
        The address, an integer, and the distance of rows in floats.
    """
    first = layout.buffer(place.source)
    base, time_stride, row_stride, mask = (
        load_word(builder, words, first + number) for number in range(4)
    )
    slot = builder.and_(builder.add(step, integer(place.shift)), mask)
    floats = builder.add(builder.mul(slot, time_stride), integer(place.column))
    return after(builder, base, floats), row_stride


def after(builder: Any, address: Any, floats: Any) -> Any:
    """Emit the address some floats after another.

    Args:
        builder: where to emit.
        address: an integer.
        floats: how many.

    Returns:
        The address, an integer.
    """
    return builder.add(address, builder.shl(floats, integer(2)))


class RowProgram:
    """Emits one stage's loops as a function.

    Args:
        module: where the function goes.
        name: its name.
        schedule: the schedule the stage belongs to.
        stage: the stage.
        layout: where the argument's words are.
        vector: makes the vector code of an `IRBuilder`.
        ragged: whether rows may sit out steps and be reset.
        backward: whether the program walks time in reverse.
    """

    def __init__(
        self,
        module: Any,
        name: str,
        schedule: Schedule,
        stage: Stage,
        layout: Layout,
        vector: Callable[[Any], VectorBuilder],
        *,
        ragged: bool,
        backward: bool,
    ) -> None:
        self.function, self._builder = function(module, name, *ROW_PROGRAM)
        self._schedule = schedule
        self._stage = stage
        self._layout = layout
        self._ragged = ragged
        self._backward = backward
        self._words, self._step, self._first, last, self._thread = self.function.args
        self._vector = vector(self._builder)
        self._order = {
            id(loop): number
            for number, loop in enumerate(loop for s in schedule.stages for loop in s.loops)
        }
        self._fetching: dict[Place, Loop] = {}  # the first loop that reads what others have not
        self._bases: dict[Place, tuple[Any, Any]] = {}
        for place in self._touched():
            self._bases[place] = place_address(
                self._builder, self._words, layout, place, self._step
            )
        with counted(self._builder, self._first, last) as row:
            self._row(row)
        self._builder.ret_void()

    def _touched(self) -> list[Place]:
        """Return the places, less their columns, that the stage may read or write."""
        used: set[Place] = set()
        stack = []
        for loop in self._stage.loops:
            stack += [store.node for store in loop.stores]
            stack += list(loop.reductions)
            used |= {store.place._replace(column=0) for store in loop.stores}
        seen: set[Node] = set()
        while stack:
            node = stack.pop()
            if node in seen:
                continue
            seen.add(node)
            if node in self._schedule.places:
                used.add(self._schedule.places[node]._replace(column=0))
            if node.op not in ("slice", "product"):
                stack.extend(node.operands)
        if self._ragged:
            for place in list(used):
                if place.source.kind == "state" and not self._backward:
                    used |= {place._replace(shift=0), Place(Source("initial", place.source.index))}
                if place.source.kind == "state_gradient":
                    used.add(place._replace(shift=1))
        return sorted(used)

    def _row(self, row: Any) -> None:
        self._pointers = {}
        for place, (base, row_stride) in self._bases.items():
            index = {"vector_gradient": self._thread, "local": self._first}.get(
                place.source.kind, row
            )
            floats = self._builder.mul(index, row_stride)
            self._pointers[place] = after(self._builder, base, floats)
        self._wide: dict[Node, Any] = {}  # values of width 1, the same in every lane
        if not self._ragged:
            self._loops()
            return
        build, layout = self._builder, self._layout
        lengths = load_word(build, self._words, layout.header("lengths"))
        address = build.inttoptr(build.add(lengths, build.shl(row, integer(3))), POINTER)
        length = build.load(address, typ=INTEGER)
        resets = load_word(build, self._words, layout.header("resets"))
        rows = load_word(build, self._words, layout.header("rows"))
        following = build.add(self._step, integer(1))
        flag = build.add(resets, build.add(build.mul(following, rows), row))
        byte = build.load(build.inttoptr(flag, POINTER), typ=ir.IntType(8))
        self._reset = build.trunc(byte, BOOLEAN)
        valid = build.icmp_signed("<", self._step, length)
        with build.if_else(valid) as (then, otherwise):
            with then:
                self._loops()
            with otherwise:
                for loop in self._stage.loops:
                    for store in loop.stores:
                        self._sit_out(store)

    def _loops(self) -> None:
        for loop in self._stage.loops:
            self._loop(loop)

    def _chunks(
        self,
        width: int,
        body: Callable[[Any, int, list[Any]], list[Any]],
        start: list[Any],
    ) -> list[Any]:
        """Emit a body for the vectors of a row, the last perhaps partly filled.

        The body gets the first feature, how many there are, and the accumulators, and returns
        the accumulators after it.
        """
        build, lanes = self._builder, self._vector.lanes
        whole, rest = divmod(width, lanes)
        gathered = start
        if whole == 1:
            gathered = body(integer(0), lanes, gathered)
        elif whole > 1:
            before = build.block
            inside = self.function.append_basic_block("vectors")
            behind = self.function.append_basic_block("behind")
            build.branch(inside)
            build.position_at_end(inside)
            feature = build.phi(INTEGER)
            feature.add_incoming(integer(0), before)
            phis = [build.phi(value.type) for value in start]
            for phi, value in zip(phis, start, strict=True):
                phi.add_incoming(value, before)
            gathered = body(feature, lanes, list(phis))
            following = build.add(feature, integer(lanes))
            feature.add_incoming(following, build.block)
            for phi, value in zip(phis, gathered, strict=True):
                phi.add_incoming(value, build.block)
            more = build.icmp_signed("<", following, integer(whole * lanes))
            build.cbranch(more, inside, behind)
            build.position_at_end(behind)
        if rest:
            gathered = body(integer(whole * lanes), rest, gathered)
        return gathered

    def _loop(self, loop: Loop) -> None:
        stores = [store for store in loop.stores if store.width == loop.width]
        later = [store for store in loop.stores if store.width != loop.width]
        roots = [store.node for store in stores] + [node.operands[0] for node in loop.reductions]
        if loop.gate is not None:
            roots.append(loop.gate)
        for node in self._narrow(roots, loop):
            self._wide[node] = self._value(node, loop, {}, integer(0), 1)
        start = [
            self._vector.constant(0.0 if node.op == "sum" else float("-inf"))
            for node in loop.reductions
        ]
        gathered = start
        if loop.gate is None:
            gathered = self._pass(loop, [(store, store.node) for store in stores], start)
        else:
            self._branch(loop, stores)
        for node, value in zip(loop.reductions, gathered, strict=True):
            self._wide[node] = self._vector.horizontal(node.op, value)
        for store in later:
            self._write(store, self._wide[store.node], integer(0), 1)

    def _branch(self, loop: Loop, stores: list[Store]) -> None:
        """Emit what a row does whose gate is open, and what another does."""
        assert loop.gate is not None
        zero = Node("number", (), 1, 0.0)
        opened, closed = [], []
        for store in stores:
            if store.node.op == "where" and store.node.operands[0] is loop.gate:
                _, taken, otherwise = store.node.operands
            else:
                taken, otherwise = store.node, zero  # what nothing but a gated value reads
            opened.append((store, taken))
            summed = store.place.source.kind == "vector_gradient"
            if not (summed and otherwise.op == "number" and otherwise.attribute == 0):
                closed.append((store, otherwise))
        build = self._builder
        first = build.extract_element(self._wide[loop.gate], integer(0))
        is_open = build.fcmp_unordered("!=", first, ir.Constant(FLOAT, 0.0))
        with build.if_else(is_open) as (then, otherwise):
            with then:
                self._pass(loop, opened, [])
            with otherwise:
                self._pass(loop, closed, [])

    def _pass(self, loop: Loop, stores: list[tuple[Store, Node]], start: list[Any]) -> list[Any]:
        """Emit one pass over the features; return what its reductions gathered."""
        places = {store.place for store, _ in stores}
        overwritten = [
            node
            for node, place in self._schedule.places.items()
            if place in places and node.width == loop.width and self._readable(node, loop)
        ]

        def body(feature: Any, count: int, gathered: list[Any]) -> list[Any]:
            values: dict[Node, Any] = {}
            for node in overwritten:
                self._value(node, loop, values, feature, count)
            totals = []
            for node, so_far in zip(loop.reductions, gathered, strict=True):
                value = self._value(node.operands[0], loop, values, feature, count)
                neutral = 0.0 if node.op == "sum" else float("-inf")
                value = self._vector.fill(value, count, neutral)
                op = "add" if node.op == "sum" else "maximum"
                totals.append(self._vector.emit(op, so_far, value))
            for store, node in stores:
                self._write(store, self._value(node, loop, values, feature, count), feature, count)
            return totals

        return self._chunks(loop.width, body, start)

    def _narrow(self, roots: list[Node], loop: Loop) -> list[Node]:
        """Return the values of width 1 that a loop needs, operands first, not yet computed."""
        found: dict[Node, None] = {}
        seen: set[Node] = set()

        def visit(node: Node) -> None:
            if node in seen or node in self._wide:
                return
            seen.add(node)
            if not self._readable(node, loop) and node.op not in REDUCTIONS:
                for part in node.operands:
                    visit(part)
            if node.width == 1:
                found[node] = None

        for root in roots:
            visit(root)
        return list(found)

    def _readable(self, node: Node, loop: Loop) -> bool:
        """Say whether a value lies in memory by the time a loop runs."""
        if node not in self._schedule.places:
            return False
        writer = self._schedule.written.get(node)
        return writer is None or self._order[id(writer)] < self._order[id(loop)]

    def _value(
        self, node: Node, loop: Loop, values: dict[Node, Any], feature: Any, count: int
    ) -> Any:
        """Emit a value at some features of the row."""
        if node in self._wide:
            return self._wide[node]
        if node in values:
            return values[node]
        if self._readable(node, loop):
            place = self._schedule.places[node]
            value = self._read(place, feature, count, single=node.width == 1)
            if place.source.kind in _STREAMED and self._fetching.setdefault(place, loop) is loop:
                self._fetch(place, feature)
        elif node.op == "number":
            value = self._vector.constant(node.attribute)
        else:
            parts = [self._value(part, loop, values, feature, count) for part in node.operands]
            value = self._vector.emit(node.op, *parts)
        values[node] = value
        return value

    def _pointer(self, place: Place, feature: Any) -> Any:
        row = self._pointers[place._replace(column=0)]
        floats = self._builder.add(feature, integer(place.column))
        return self._builder.inttoptr(after(self._builder, row, floats), POINTER)

    def _read(self, place: Place, feature: Any, count: int, *, single: bool) -> Any:
        pointer = self._pointer(place, feature)
        if single:
            value = self._vector.splat(self._builder.load(pointer, typ=FLOAT))
        else:
            value = self._vector.load(pointer, count)
        if self._ragged and place.source.kind == "state_gradient" and place.shift == 1:
            # A row that is reset before the next step owes that step nothing.
            zero = self._vector.constant(0.0)
            value = self._builder.select(self._reset, zero, value)
        return value

    def _fetch(self, place: Place, feature: Any) -> None:
        """Emit the hint that the next row's features will be read."""
        build, base = self._builder, place._replace(column=0)
        row = after(build, self._pointers[base], self._bases[base][1])
        floats = build.add(feature, integer(place.column))
        prefetch(build, build.inttoptr(after(build, row, floats), POINTER))

    def _write(self, store: Store, value: Any, feature: Any, count: int) -> None:
        place = store.place
        pointer = self._pointer(place, feature)
        if place.source.kind == "vector_gradient":
            value = self._vector.emit("add", self._vector.load(pointer, count), value)
        if self._ragged and place.source.kind == "state":
            start = Place(Source("initial", place.source.index), place.column)
            initial = self._vector.load(self._pointer(start, feature), count)
            value = self._builder.select(self._reset, initial, value)
        self._vector.store(value, pointer, count)

    def _sit_out(self, store: Store) -> None:
        """Emit what a row without a valid step leaves: its state as it was, and zeros."""
        kind = store.place.source.kind
        if kind in ("vector_gradient", "scratch", "local"):
            return

        def body(feature: Any, count: int, _: list[Any]) -> list[Any]:
            if kind in ("state", "state_gradient"):
                before = store.place._replace(shift=1 if kind == "state_gradient" else 0)
                value = self._read(before, feature, count, single=False)
            else:
                value = self._vector.constant(0.0)
            self._write(store, value, feature, count)
            return []

        self._chunks(store.width, body, [])
