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
from elman.engine.native.reservoir import ARRAYS, Kind
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

    together = 1
    """Blocks that are computed side by side."""

    def __init__(self, builder: Any, kind: Kind, target: Host, words: dict[str, Any]) -> None:
        self._build = builder
        self._kind = kind
        self._words = words
        self._element = DOUBLE if kind.double else FLOAT
        self._vector: Any = (DoubleBuilder if kind.double else VectorBuilder)(builder, target)
        self._lanes = kind.lanes
        self._arrays = {name: builder.inttoptr(words[name], POINTER) for name in ARRAYS}

    @abstractmethod
    def enter(self, group: Any) -> None:
        """Emit what is done once for all steps of a group.

        Args:
            group: its number.
        """

    @abstractmethod
    def emit(self, numbers: list[Any]) -> None:
        """Emit some blocks, as many as `together` or one.

        Args:
            numbers: their numbers.
        """

    def begin(self, group: Any, step: Any) -> None:
        """Emit where the things of a step are.

        Args:
            group: the group's number.
            step: the step's number in this call.
        """
        build, words = self._build, self._words
        self._step = build.mul(step, build.mul(words["rows"], words["units"]))
        inputs = build.add(build.mul(step, words["groups"]), group)
        self._inputs = self._at("drive", build.mul(inputs, self._input_plane()))
        self._before, self._after = self._states(group, step)

    @abstractmethod
    def _states(self, group: Any, step: Any) -> tuple[Any, Any]:
        """Emit where the state of a group is read from and where the new one goes."""

    @abstractmethod
    def _input_plane(self) -> Any:
        """Emit how many numbers the inputs of a group have at each step."""

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
                    after += self._added("values", place, self._read(at, place), mine)
                carry(build, before, after + before[step * sums :])
            totals = before
        while len(totals) > sums:
            totals = [build.fadd(a, b) for a, b in zip(totals[::2], totals[1::2], strict=True)]
        return totals

    def _with_inputs(self, number: Any, totals: list[Any]) -> list[Any]:
        """Emit the sums over the inputs of a block, which are added to others."""
        build, features = self._build, self._words["features"]
        first = build.mul(number, build.mul(features, integer(self._lanes)))
        with counted(build, integer(0), features) as feature:
            before = carried(build, feature, totals)
            place = build.add(first, build.mul(feature, integer(self._lanes)))
            carry(build, before, self._added("weights", place, self._given(feature), before))
        return before

    @abstractmethod
    def _read(self, entry: Any, place: Any) -> list[Any]:
        """Emit the loads of the units that are read by one entry of each unit of a block."""

    @abstractmethod
    def _given(self, feature: Any) -> list[Any]:
        """Emit the loads of an input, for each sum."""

    @abstractmethod
    def _added(self, name: str, place: Any, reads: list[Any], totals: list[Any]) -> list[Any]:
        """Emit the addition of products with what stands at a place of an array."""

    def _changed(self, driven: Any, old: Any, leak: Any) -> Any:
        """Emit the new state of units from the sum of all that drives them."""
        build, vector = self._build, self._vector
        new = driven
        if self._kind.squashed:
            new = vector.tanh(new) if self._kind.double else tanh(vector, new)
        keep = build.fsub(vector.constant(1.0), leak)
        return vector.fma(leak, new, build.fmul(keep, old))


class UnitBlock(Block):
    """A block of the units of one row, which is a group."""

    together = 4  # one squashing function is waited for, several are not

    def enter(self, group: Any) -> None:
        """Emit what is done once for all steps of a group; see `Block.enter`."""
        self._row = self._build.mul(group, self._words["units"])
        self._scale, self._leak = (self._scalar(name, group) for name in ("scale", "leak"))

    def emit(self, numbers: list[Any]) -> None:
        """Emit some blocks; see `Block.emit`."""
        vector = self._vector
        driven = [self._driven(number) for number in numbers]
        for number, each in zip(numbers, driven, strict=True):
            start = self._start(number)
            old = vector.load(self._at(self._before, start))
            hidden = self._changed(each, old, self._leak)
            vector.store(hidden, self._at(self._after, start))

    def _driven(self, number: Any) -> Any:
        """Emit what the units of a block are driven by."""
        (total,) = self._summed(number, 1)
        if self._kind.fused:
            (driven,) = self._with_inputs(number, [self._build.fmul(self._scale, total)])
            return driven
        drive = self._at("drive", self._step, self._row, self._start(number))
        return self._vector.fma(self._scale, total, self._vector.load(drive))

    def _states(self, group: Any, step: Any) -> tuple[Any, Any]:
        # The outputs are the state. Lines written only once need not be taken from a thread that
        # has read them.
        build, units = self._build, self._words["units"]
        after = self._at("outputs", self._step, self._row)
        last = self._at(after, build.neg(build.mul(self._words["rows"], units)))
        is_first = build.icmp_signed("==", step, integer(0))
        return build.select(is_first, self._at("state", self._row), last), after

    def _input_plane(self) -> Any:
        return self._words["features"]

    def _read(self, entry: Any, place: Any) -> list[Any]:
        if not self._kind.index_bits:
            return [self._scalar(self._before, entry)]
        read = ir.Constant(self._vector.type, ir.Undefined)
        for lane, column in enumerate(self._columns(place)):
            unit = self._build.load(self._at(self._before, column), typ=self._element)
            read = self._build.insert_element(read, unit, ir.Constant(ir.IntType(32), lane))
        return [read]

    def _given(self, feature: Any) -> list[Any]:
        return [self._scalar(self._inputs, feature)]

    def _added(self, name: str, place: Any, reads: list[Any], totals: list[Any]) -> list[Any]:
        (read,), (total,) = reads, totals
        return [self._vector.fma(self._vector.load(self._at(name, place)), read, total)]


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

    def emit(self, numbers: list[Any]) -> None:
        """Emit some blocks; see `Block.emit`."""
        (number,) = numbers
        build, vector, start = self._build, self._vector, self._start(number)
        totals = self._summed(number, self._lanes)
        if self._kind.fused:
            scaled = [build.fmul(self._scale, total) for total in totals]
            driven = self._with_inputs(number, scaled)
        else:
            rows = [vector.load(self._at("drive", self._step, row, start)) for row in self._rows]
            pairs = zip(totals, transposed(build, rows), strict=True)
            driven = [vector.fma(self._scale, total, drive) for total, drive in pairs]
        changed = []
        for unit, each in enumerate(driven):
            line = build.mul(build.add(start, integer(unit)), integer(self._lanes))
            old = vector.load(self._at(self._before, line))
            hidden = self._changed(each, old, self._leak)
            vector.store(hidden, self._at(self._after, line))
            changed.append(hidden)
        for row, hidden in zip(self._rows, transposed(build, changed), strict=True):
            vector.store(hidden, self._at("outputs", self._step, row, start))

    def _states(self, group: Any, step: Any) -> tuple[Any, Any]:
        build, words = self._build, self._words
        plane = build.mul(words["units"], integer(self._lanes))
        parity = build.and_(build.add(words["begin"], step), integer(1))
        places = []
        for which in (parity, build.xor(parity, integer(1))):
            planes = build.add(build.mul(which, words["groups"]), group)
            places.append(self._at("state", build.mul(planes, plane)))
        return places[0], places[1]

    def _input_plane(self) -> Any:
        return self._build.mul(self._words["features"], integer(self._lanes))

    def _read(self, entry: Any, place: Any) -> list[Any]:
        build, vector = self._build, self._vector
        if self._kind.index_bits:
            places = self._columns(place)
            return [vector.load(self._at(self._before, column)) for column in places]
        line = build.mul(entry, integer(self._lanes))
        return [vector.load(self._at(self._before, line))] * self._lanes

    def _given(self, feature: Any) -> list[Any]:
        line = self._build.mul(feature, integer(self._lanes))
        return [self._vector.load(self._at(self._inputs, line))] * self._lanes

    def _added(self, name: str, place: Any, reads: list[Any], totals: list[Any]) -> list[Any]:
        values = [self._scalar(name, place, integer(unit)) for unit in range(self._lanes)]
        fma = self._vector.fma
        return [fma(*each) for each in zip(values, reads, totals, strict=True)]
