"""The order of a program's work: loops over features and products with weights, in stages.

A stage is a row program, loops over the features of each row, followed by the products that its
values feed. What crosses from one loop or product to another lies in a buffer.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from elman.engine.compiler.derivative import chain, heads
from elman.engine.compiler.gates import beforehand, gates, zero_without
from elman.engine.compiler.placement import placed
from elman.engine.compiler.program import REDUCTIONS, Matrix, Node, Program, Source

_COSTLY = frozenset(("exp", "log", "tanh", "sigmoid", "sqrt", "sin", "cos", "div"))


class Place(NamedTuple):
    """Where a row lies: a buffer, its first column there, and how many steps ahead."""

    source: Source
    column: int = 0
    shift: int = 0


class Store(NamedTuple):
    """A value written at the end of a loop; a `vector_gradient` is added to what is there."""

    node: Node
    place: Place
    width: int


class Multiply(NamedTuple):
    """A product stage: `result = initial + left M`, or `initial` where no row's gate is open."""

    left: Place
    left_width: int
    matrix: Matrix
    width: int
    initial: Place | None
    result: Place
    gate: Place | None


@dataclass(eq=False)
class Loop:
    """One pass over the features of a row.

    Attributes:
        width: features.
        gate: the condition, one for the whole row, without which the stores' first choices are
            not computed; none if all rows do the same.
        stores: what it writes; those of width 1 after the pass, if its own is another.
        reductions: sums and maxima it gathers.
    """

    width: int
    gate: Node | None = None
    stores: list[Store] = field(default_factory=list)
    reductions: list[Node] = field(default_factory=list)


class Stage(NamedTuple):
    """The loops of a row program and the products after it."""

    loops: tuple[Loop, ...]
    products: tuple[Multiply, ...]


class Schedule(NamedTuple):
    """A program laid out for a machine.

    Attributes:
        stages: in order of execution.
        hoisted: products of the inputs alone, done for all steps before the first.
        places: the values that loops may read from memory.
        written: the loop that writes a value to its place; absent for what is there before.
        widths: the features of each buffer.
        aliases: results that lie in the place of another result.
        gates: for results that are 0 in rows whose gate is closed, where the gate is written.
    """

    stages: tuple[Stage, ...]
    hoisted: tuple[Multiply, ...]
    places: dict[Node, Place]
    written: dict[Node, Loop]
    widths: dict[Source, int]
    aliases: dict[Source, Place]
    gates: dict[Source, Place]


def schedule(program: Program, *, backward: bool, ragged: bool, hoist: bool) -> Schedule:
    """Lay out a program.

    Args:
        program: a simplified program.
        backward: whether it walks time in reverse, carrying `state_gradient` instead of `state`.
        ragged: whether rows may sit out steps, so that each result needs a place of its own.
        hoist: whether products of inputs alone are done for all steps before the first.

    Returns:
        The schedule.
    """
    return placed(_Scheduler(program, backward, ragged, hoist).schedule(), program.reused)


class _Scheduler:
    def __init__(self, program: Program, backward: bool, ragged: bool, hoist: bool) -> None:
        self._program = program
        self._carried = "state_gradient" if backward else "state"
        self._backward = backward
        self._ragged = ragged
        self._nodes = program.nodes()
        self._heads = heads(self._nodes)
        self._number = {
            part: number for number, head in enumerate(self._heads) for part in chain(head)
        }
        self._places: dict[Node, Place] = {}
        self._written: dict[Node, Loop] = {}
        self._widths: dict[Source, int] = {}
        self._aliases: dict[Source, Place] = {}
        self._gates = gates(program)
        self._hoisted = beforehand(self._nodes, self._gates) if hoist else []
        self._level = self._levels()
        # By stage, pass, width and number of the gate.
        self._loops: dict[tuple[int, int, int, int], Loop] = {}
        self._passes: dict[tuple[Node, int], int] = {}
        self._reduced: dict[Node, int] = {}  # reductions and the stage that gathers them
        self._costly: dict[Node, bool] = {}

    def schedule(self) -> Schedule:
        self._place_leaves()
        stores = self._place_results()
        stores += self._place_lefts(stores)
        self._ticks = {
            gate: Place(Source("tick", number)) for number, gate in enumerate(self._gates.all)
        }
        for gate, place in self._ticks.items():
            self._widths[place.source] = 1
            stores.append(Store(gate, place, 1))
        reduced: list[Store] = []
        for node, product, start in self._program.saved:
            place = Place(Source("product", product), start)
            (reduced if node.op in REDUCTIONS else stores).append(Store(node, place, node.width))
            beyond = start + node.width
            self._widths[place.source] = max(self._widths.get(place.source, 0), beyond)
        count = max([0, *self._level.values()]) + 1
        for stage in range(count):
            self._fill(stage, [store for store in stores if self._level[store.node] == stage])
        for store in reduced:  # where they are gathered, which may be later than it could be
            self._fill(self._reduced[store.node], [store])
        self._share()
        loops = sorted(self._loops.items(), key=_by_key)
        stages = tuple(
            Stage(
                tuple(loop for (at, *_), loop in loops if at == stage),
                tuple(self._multiply(node) for node in self._products_of(stage)),
            )
            for stage in range(count)
        )
        hoisted = tuple(self._multiply(node) for node in self._hoisted)
        ticks = {}
        for result in self._program.results:
            closing = zero_without(result.node)
            if closing is not None and closing in self._ticks:
                ticks[result.target] = self._ticks[closing]
        return Schedule(
            stages, hoisted, self._places, self._written, self._widths, self._aliases, ticks
        )

    def _levels(self) -> dict[Node, int]:
        """Return the stage whose row program can first compute each value."""
        level: dict[Node, int] = {}
        for node in self._nodes:
            if node.op == "product" and node not in self._hoisted:
                stage = level[node.operands[0]]
                for addend in node.operands[1:]:
                    after = level[addend] - (addend.op == "product")
                    stage = max(stage, after)
                level[node] = stage + 1
            elif node.op == "product":
                level[node] = 0
            else:
                level[node] = max([0, *(level[part] for part in node.operands)])
        return level

    def _place_leaves(self) -> None:
        for node in self._nodes:
            if node.op == "leaf":
                ahead = self._backward and node.attribute.kind == self._carried
                self._places[node] = Place(node.attribute, 0, int(ahead))
                self._widths[node.attribute] = node.width
            elif node.op == "product":
                kind = "partial" if self._backward else "product"
                self._put(node, Place(Source(kind, self._number[node])), node.width)
            elif node.op == "slice":
                base = self._places[node.operands[0]]
                self._places[node] = base._replace(column=base.column + node.attribute)

    def _put(self, node: Node, place: Place, width: int) -> None:
        self._places[node] = place
        self._widths[place.source] = width

    def _place_results(self) -> list[Store]:
        """Give each result its place, and return what has to be written there."""
        stores: list[Store] = []
        uses = [part for node in self._nodes for part in node.operands]
        uses += [result.node for result in self._program.results]
        first: dict[Node, Place] = {}
        carried = [
            result for result in self._program.results if result.target.kind == self._carried
        ]
        others = [result for result in self._program.results if result not in carried]
        for target, node, width in [*carried, *others]:
            ahead = not self._backward and target.kind == self._carried
            place = Place(target, 0, int(ahead))
            self._widths[target] = width
            shared = first.get(node)
            may_share = target.kind in ("output", "kept", "input_gradient")
            if may_share and shared and not (self._ragged and target.kind == "output"):
                self._aliases[target] = shared
                continue
            if node.op == "product" and uses.count(node) == 1 and not self._ragged:
                for part in chain(node):
                    self._widths.pop(self._places[part].source, None)
                    self._places[part] = place
                continue
            # What is carried backwards has two places in turn, not one a step.
            if may_share or (target.kind == self._carried and not self._backward):
                first.setdefault(node, place)
            stores += _pieces(node, place, width)
        return stores

    def _place_lefts(self, stores: list[Store]) -> list[Store]:
        """Return the stores of the rows that products read, where they lie nowhere yet."""
        lefts: list[Store] = []
        results: dict[Node, Place] = {}
        for target, node, _ in self._program.results:
            place = self._aliases.get(target) or Place(
                target, 0, int(not self._backward and target.kind == self._carried)
            )
            elsewhere = self._ragged and target.kind == "state"  # see _fill
            if target.kind != "vector_gradient" and node.op != "product" and not elsewhere:
                results.setdefault(node, place)
        self._lefts: dict[Node, Place] = {}
        for node in self._nodes:
            if node.op != "product":
                continue
            left = node.operands[0]
            if left in self._places:
                self._lefts[left] = self._places[left]
            elif left in results:
                self._lefts[left] = results[left]
            elif left not in self._lefts:
                place = Place(Source("left", len(self._lefts)))
                self._lefts[left] = place
                self._widths[place.source] = left.width
                lefts += _pieces(left, place, left.width)
        return lefts

    def _fill(self, stage: int, stores: list[Store]) -> None:
        """Sort a stage's stores into loops, with the reductions they wait for."""
        done: set[Node] = set()

        def require(node: Node) -> None:
            if node in done or node in self._reduced or self._is_there(node):
                return
            done.add(node)
            for part in node.operands:
                require(part)
            if node.op in REDUCTIONS:
                self._reduced[node] = stage
                wide = node.operands[0]
                self._loop(stage, self._pass(wide, stage), wide.width).reductions.append(node)

        for store in stores:
            require(store.node)
            gate = self._gates.of.get(store.node)
            number, width = self._pass(store.node, stage), store.width
            if self._reduced.get(store.node) == stage and width == 1:
                width = store.node.operands[0].width  # right after the pass that gathers it
            elif self._reduced.get(store.node) == stage:
                number += 1
            loop = self._loop(stage, number, width, gate)
            loop.stores.append(store)
            # A row that is reset finds another state there than the one computed.
            elsewhere = self._ragged and store.place.source.kind == "state"
            readable = store.place.source.kind != "vector_gradient" and not elsewhere
            if readable and store.node not in self._places:
                self._places[store.node] = store.place
                self._written[store.node] = loop

    def _is_there(self, node: Node) -> bool:
        """Say whether a value lies in memory before the step's first loop."""
        return node in self._places and node not in self._written

    def _loop(self, stage: int, number: int, width: int, gate: Node | None = None) -> Loop:
        place = 0 if gate is None else 1 + self._gates.all.index(gate)
        return self._loops.setdefault((stage, number, width, place), Loop(width, gate))

    def _pass(self, node: Node, stage: int) -> int:
        """Count the reductions of this stage that a value has to wait for, one after another."""
        key = (node, stage)
        if key not in self._passes:
            number = 0
            if not self._is_there(node) and self._reduced.get(node, stage) == stage:
                for part in node.operands:
                    waits = self._reduced.get(part) == stage
                    number = max(number, self._pass(part, stage) + waits)
            self._passes[key] = number
        return self._passes[key]

    def _share(self) -> None:
        """Write values that later loops would compute again, at a cost, to memory."""
        first: dict[Node, tuple[int, Loop]] = {}
        for (stage, *_), loop in sorted(self._loops.items(), key=_by_key):
            fresh: set[Node] = set(loop.reductions)
            stack = [store.node for store in loop.stores]
            stack += [node.operands[0] for node in loop.reductions]
            while stack:
                node = stack.pop()
                if node in fresh or (node in self._places and self._written.get(node) is not loop):
                    continue
                if node in first:
                    before, there = first[node]
                    if node.op in REDUCTIONS:
                        if before < stage:
                            self._spill(node, there)
                        continue
                    if node.width > 1 and self._is_costly(node):
                        self._spill(node, there)
                        continue
                fresh.add(node)
                stack.extend(node.operands)
            if loop.gate is None:  # else it may not have been computed
                for node in fresh:
                    first.setdefault(node, (stage, loop))

    def _spill(self, node: Node, loop: Loop) -> None:
        place = Place(Source("scratch", sum(s.kind == "scratch" for s in self._widths)))
        loop.stores.append(Store(node, place, node.width))
        self._put(node, place, node.width)
        self._written[node] = loop

    def _is_costly(self, node: Node) -> bool:
        """Say whether a value is worth a store and a load, given what is one for the whole row."""
        if node not in self._costly:
            self._costly[node] = node.width > 1 and (
                node.op in _COSTLY
                or (
                    node not in self._places
                    and any(self._is_costly(part) for part in node.operands)
                )
            )
        return self._costly[node]

    def _products_of(self, stage: int) -> list[Node]:
        return [
            node
            for node in self._nodes
            if node.op == "product" and node not in self._hoisted and self._level[node] == stage + 1
        ]

    def _multiply(self, node: Node) -> Multiply:
        left, matrix = node.operands[0], node.attribute
        initial = self._places[node.operands[1]] if len(node.operands) == 2 else None
        gate = self._gates.of.get(node) or zero_without(left)
        return Multiply(
            self._lefts[left],
            left.width,
            matrix,
            node.width,
            initial,
            self._places[node],
            self._ticks.get(gate) if gate else None,
        )


def _pieces(node: Node, place: Place, width: int) -> list[Store]:
    """Return the stores of a value, one for each part of a `cat`."""
    parts: Iterable[Node] = node.operands if node.op == "cat" else (node,)
    stores, column = [], place.column
    for part in parts:
        size = part.width if node.op == "cat" else width
        value = part.operands[0] if part.op == "spread" else part
        stores.append(Store(value, place._replace(column=column), size))
        column += size
    return stores


def _by_key(item: tuple[tuple[int, int, int, int], Loop]) -> tuple[int, int, int, int]:
    return item[0]
