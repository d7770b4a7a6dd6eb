"""Native code of one time step of a block of leaky units, see `reservoir`."""

from abc import abstractmethod
from typing import Any

from llvmlite import ir

from elman.engine.native.doubles import DOUBLE, DoubleBuilder
from elman.engine.native.emission import (
    FLOAT,
    INTEGER,
    POINTER,
    carried,
    carry,
    counted,
    integer,
    minimum,
)
from elman.engine.native.packing import transposed
from elman.engine.native.reservoir import Kind
from elman.engine.native.target import Host
from elman.engine.native.transcendental import tanh
from elman.engine.native.vector import VectorBuilder

_CHAINS = 4
"""Sums that are added up side by side where a unit reads every unit: one would be waited for."""


class Block:
    """Emits a block of as many units as a vector holds.

    Args:
        builder: where to emit.
        kind: what the code is made for.
        target: the processor.
        words: the words of the call, by name.
    """

    def __init__(self, builder: Any, kind: Kind, target: Host, words: dict[str, Any]) -> None:
        self._build = builder
        self._kind = kind
        self._words = words
        self._element = DOUBLE if kind.double else FLOAT
        self._vector: Any = (DoubleBuilder if kind.double else VectorBuilder)(builder, target)
        self._lanes = kind.lanes
        self._arrays = {
            name: builder.inttoptr(words[name], POINTER)
            for name in ("columns", "values", "scale", "leak", "projected", "outputs", "state")
        }

    @abstractmethod
    def enter(self, group: Any) -> None:
        """Emit what is done once for all steps of a group.

        Args:
            group: its number.
        """

    @abstractmethod
    def emit(self, number: Any) -> None:
        """Emit a block.

        Args:
            number: its number.
        """

    def begin(self, group: Any, step: Any) -> None:
        """Emit where the things of a step are.

        Args:
            group: the group's number.
            step: the step's number in this call.
        """
        build, words = self._build, self._words
        plane = self._plane()
        parity = build.and_(build.add(words["begin"], step), integer(1))
        places = []
        for which in (parity, build.xor(parity, integer(1))):
            planes = build.add(build.mul(which, words["groups"]), group)
            places.append(self._at("state", build.mul(planes, plane)))
        self._before, self._after = places
        self._step = build.mul(step, build.mul(words["rows"], words["units"]))

    @abstractmethod
    def _plane(self) -> Any:
        """Emit how many numbers the state of a group has."""

    def _at(self, array: Any, *places: Any) -> Any:
        """Emit the address of a number of an array, which is a name or an address."""
        pointer = self._arrays[array] if isinstance(array, str) else array
        for place in places:
            pointer = self._build.gep(pointer, [place], source_etype=self._element)
        return pointer

    def _scalar(self, array: Any, *places: Any) -> Any:
        """Emit the load of one number into all lanes."""
        address = self._at(array, *places)
        return self._vector.splat(self._build.load(address, typ=self._element))

    def _start(self, number: Any) -> Any:
        """Emit the first unit of a block."""
        units = self._words["units"]
        first = self._build.mul(number, integer(self._lanes))
        return minimum(self._build, first, self._build.sub(units, integer(self._lanes)))

    def _columns(self, place: Any) -> list[Any]:
        """Emit the loads of the columns that the units of a block read, from a place on."""
        build, bits = self._build, self._kind.index_bits
        # Many at once, as reads are what takes the time.
        word = ir.IntType(min(64, bits * self._lanes))
        column = ir.IntType(bits)
        pointer = build.gep(self._arrays["columns"], [place], source_etype=column)
        found = []
        for number in range(self._lanes * bits // word.width):
            address = build.gep(pointer, [integer(number)], source_etype=word)
            several = build.load(address, align=bits // 8, typ=word)
            for shift in range(0, word.width, bits):
                moved = build.lshr(several, ir.Constant(word, shift))
                found.append(build.zext(build.trunc(moved, column), INTEGER))
        return found

    def _summed(self, number: Any, sums: int) -> list[Any]:
        """Emit the sums over the entries of a block."""
        build, entries = self._build, self._words["entries"]
        first = build.mul(number, build.mul(entries, integer(self._lanes)))
        chains = 1 if self._kind.index_bits or sums > 1 else _CHAINS
        whole = build.sub(entries, build.urem(entries, integer(chains)))
        zero = ir.Constant(self._vector.type, None)
        totals = [zero] * (sums * chains)
        for start, end, step in ((integer(0), whole, chains), (whole, entries, 1)):
            with counted(build, start, end, step) as entry:
                before = carried(build, entry, totals)
                after = []
                for chain in range(step):
                    at = build.add(entry, integer(chain))
                    place = build.add(first, build.mul(at, integer(self._lanes)))
                    mine = before[chain * sums : (chain + 1) * sums]
                    after += self._added(at, place, mine)
                carry(build, before, after + before[step * sums :])
            totals = before
        while len(totals) > sums:
            totals = [build.fadd(a, b) for a, b in zip(totals[::2], totals[1::2], strict=True)]
        return totals

    @abstractmethod
    def _added(self, entry: Any, place: Any, totals: list[Any]) -> list[Any]:
        """Emit the addition of one entry of each unit, which stand at a place in the values."""

    def _changed(self, total: Any, projected: Any, old: Any, scale: Any, leak: Any) -> Any:
        """Emit the new state of units whose entries are summed up."""
        build, vector = self._build, self._vector
        new = vector.fma(scale, total, projected)
        if self._kind.squashed:
            new = vector.tanh(new) if self._kind.double else tanh(vector, new)
        keep = build.fsub(vector.constant(1.0), leak)
        return vector.fma(leak, new, build.fmul(keep, old))


class UnitBlock(Block):
    """A block of the units of one row, which is a group."""

    def enter(self, group: Any) -> None:
        """Emit what is done once for all steps of a group; see `Block.enter`."""
        self._row = self._build.mul(group, self._words["units"])
        self._scale, self._leak = (self._scalar(name, group) for name in ("scale", "leak"))

    def emit(self, number: Any) -> None:
        """Emit a block; see `Block.emit`."""
        vector, start = self._vector, self._start(number)
        (total,) = self._summed(number, 1)
        projected = vector.load(self._at("projected", self._step, self._row, start))
        old = vector.load(self._at(self._before, start))
        hidden = self._changed(total, projected, old, self._scale, self._leak)
        vector.store(hidden, self._at(self._after, start))
        vector.store(hidden, self._at("outputs", self._step, self._row, start))

    def _plane(self) -> Any:
        return self._words["units"]

    def _added(self, entry: Any, place: Any, totals: list[Any]) -> list[Any]:
        (total,) = totals
        if self._kind.index_bits:
            read = ir.Constant(self._vector.type, ir.Undefined)
            for lane, column in enumerate(self._columns(place)):
                unit = self._build.load(self._at(self._before, column), typ=self._element)
                read = self._build.insert_element(read, unit, ir.Constant(ir.IntType(32), lane))
        else:
            read = self._scalar(self._before, entry)
        return [self._vector.fma(self._vector.load(self._at("values", place)), read, total)]


class RowBlock(Block):
    """A block of units of as many rows as a vector holds, which are a group."""

    def enter(self, group: Any) -> None:
        """Emit what is done once for all steps of a group; see `Block.enter`."""
        build, vector = self._build, self._vector
        first = build.mul(group, integer(self._lanes))
        last = build.sub(self._words["rows"], integer(1))
        numbers = (build.add(first, integer(lane)) for lane in range(self._lanes))
        rows = [minimum(build, number, last) for number in numbers]
        self._rows = [build.mul(row, self._words["units"]) for row in rows]
        self._scale, self._leak = (vector.load(self._at(n, first)) for n in ("scale", "leak"))

    def emit(self, number: Any) -> None:
        """Emit a block; see `Block.emit`."""
        build, vector, start = self._build, self._vector, self._start(number)
        totals = self._summed(number, self._lanes)
        given = [vector.load(self._at("projected", self._step, row, start)) for row in self._rows]
        changed = []
        for unit, projected in enumerate(transposed(build, given)):
            line = build.mul(build.add(start, integer(unit)), integer(self._lanes))
            old = vector.load(self._at(self._before, line))
            hidden = self._changed(totals[unit], projected, old, self._scale, self._leak)
            vector.store(hidden, self._at(self._after, line))
            changed.append(hidden)
        for row, hidden in zip(self._rows, transposed(build, changed), strict=True):
            vector.store(hidden, self._at("outputs", self._step, row, start))

    def _plane(self) -> Any:
        return self._build.mul(self._words["units"], integer(self._lanes))

    def _added(self, entry: Any, place: Any, totals: list[Any]) -> list[Any]:
        build, vector = self._build, self._vector
        if self._kind.index_bits:
            places = self._columns(place)
            reads = [vector.load(self._at(self._before, column)) for column in places]
        else:
            line = build.mul(entry, integer(self._lanes))
            reads = [vector.load(self._at(self._before, line))] * self._lanes
        values = [self._scalar("values", place, integer(unit)) for unit in range(self._lanes)]
        return [vector.fma(*each) for each in zip(values, reads, totals, strict=True)]
