"""The native code of a reservoir, with its matrix and state in the order in which it reads them."""

from typing import Any, Literal, NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from elman.cells import SparseMap
from elman.cells.base import LeakyUnits
from elman.engine.native.code import Call
from elman.engine.native.reservoir import WORDS, Kind, lanes, reservoir_code
from elman.engine.native.threads import HEADER_WORDS, available, header

# As measured between cores without a common cache; with one it takes a third of that.
EXCHANGE = 0.75
"""Reads that a thread does in the time in which it gets one byte of the state from another."""

MEETING = 3000.0
"""Reads that a thread does in the time in which it meets another after a step."""

MOST_PRESENT = 0.25
"""The share of entries other than zero up to which the zeros stored beside them are left out."""

# In the time of one read of one unit: a read for a whole vector of rows, both kinds of reads where
# units read all units in order, and what else a vector of units takes at each step. Measured.
_READ_ROWS = 2.5
_READ_ALL, _READ_ALL_ROWS = 0.25, 1.25
_STEP = 30.0

_POSITIONS = {name: number for number, name in enumerate(WORDS, start=HEADER_WORDS)}


class Plan(NamedTuple):
    """How the rows of a batch are shared out.

    Attributes:
        rows: rows that a vector holds; 1 where it holds units of one row.
        lanes: numbers of a vector.
        threads: threads of a call.
        work: what the thread that is the last to finish a step does, in reads.
    """

    rows: int
    lanes: int
    threads: int
    work: float


def plan(batch: int, size: int, entries: int, *, sparse: bool, double: bool) -> Plan:
    """Choose how to run a reservoir, from its sizes alone.

    Args:
        batch: rows.
        size: units.
        entries: units that each unit reads.
        sparse: whether these are any units, not all in order.
        double: whether the numbers are float64.

    Returns:
        The quickest way by estimate.
    """
    full, threads = lanes(double=double), available()
    found = []
    for width, rows in ((full, 1), (full, full), (full // 2, full // 2)):
        read = (1, _READ_ROWS * width / full) if sparse else (_READ_ALL, _READ_ALL_ROWS)
        step = _STEP / full * (1 if rows == 1 else width)
        work = size * (entries * read[rows > 1] + step)
        groups = -(-batch // rows)
        exchanged = EXCHANGE * groups * rows * size * (8 if double else 4)
        if width > 1 and groups >= threads:
            found.append(Plan(rows, width, threads, work * -(-groups // threads)))
        elif width > 1:
            found.append(Plan(rows, width, 1, work * groups))
            shared = work * groups / threads + exchanged + MEETING
            found.append(Plan(rows, width, threads, shared))
    return min(found, key=lambda each: each.work)


def _entries(
    recurrent_map: nn.Module,
) -> tuple[Int[Tensor, "out entries"] | None, Float[Tensor, "out entries"]]:
    """Return the columns of the entries of each row, and the entries; no columns for all."""
    weight: Any = recurrent_map.weight
    if isinstance(recurrent_map, SparseMap):
        return recurrent_map.columns, weight
    present = weight != 0
    counts = present.sum(dim=1)
    if (counts == counts[0]).all() and 0 < counts[0] <= MOST_PRESENT * len(weight):
        columns = present.nonzero()[:, 1].view(len(weight), -1)
        return columns, weight.gather(1, columns)
    return None, weight


class ReservoirLoop:
    """Leaky units that are run some steps at a time.

    Args:
        units: the units, at least as many as a vector holds.
        hidden: their state before the first step, `[batch, hidden]`.
        fused: whether they are driven by inputs, or by what `project` made of these.
    """

    def __init__(
        self, units: LeakyUnits, hidden: Float[Tensor, "batch hidden"], *, fused: bool
    ) -> None:
        columns, weight = _entries(units.recurrent_map)
        self._batch, self._size = hidden.shape
        double = hidden.dtype == torch.float64
        entries = weight.shape[1]
        chosen = plan(self._batch, self._size, entries, sparse=columns is not None, double=double)
        bits: Literal[0, 16, 32] = 0
        if columns is not None:
            # Where a unit's rows stand in the state, for one load and no multiplication each.
            columns = columns * chosen.rows
            bits = 16 if self._size * chosen.rows <= 2**16 else 32
            columns = columns.to(torch.int16 if bits == 16 else torch.int32)
        self._lanes = chosen.lanes
        groups = -(-self._batch // chosen.rows)
        # Rows that a vector lacks repeat the last one.
        self._rows = torch.arange(groups * chosen.rows).clamp(max=self._batch - 1)
        # Where a vector holds units of one row, outputs are the state from the first step on.
        self._in_turn = chosen.rows > 1
        self._planes = hidden.new_empty(1 + self._in_turn, groups, self._size, chosen.rows)
        self._plane = 0
        self.write(hidden)
        self._drive = units.drive if fused else None
        into = self._weights()
        self._arrays = {
            "columns": self._in_blocks(weight if columns is None else columns),
            "values": self._in_blocks(weight),
            "scale": self._of_rows(units.scale),
            "leak": self._of_rows(units.leak),
            "weights": self._in_blocks(into),
            "state": self._planes,
        }
        sizes = {
            "rows": self._batch,
            "groups": groups,
            "units": self._size,
            "blocks": -(-self._size // self._lanes),
            "entries": entries,
            "features": into.shape[1],
        }
        places = {name: array.data_ptr() for name, array in self._arrays.items()}
        words = {**dict.fromkeys(WORDS, 0), **sizes, **places}
        kind = Kind(double, self._lanes, chosen.rows > 1, bits, units.squashed, fused)
        self._code = reservoir_code(kind)
        self._call = Call(
            self._code.entry,
            _POSITIONS["barrier"],
            [*header(chosen.threads), *words.values()],
        )

    def read(self) -> Float[Tensor, "batch hidden"]:
        """Return the state after the steps done, a copy."""
        rows = self._planes[self._plane].transpose(1, 2).reshape(-1, self._size)
        return rows[: self._batch].clone()

    def write(self, hidden: Float[Tensor, "batch hidden"]) -> None:
        """Change the state.

        Args:
            hidden: the state before the coming step.
        """
        rows = hidden[self._rows].view(len(self._planes[0]), -1, self._size)
        self._planes[self._plane] = rows.transpose(1, 2)

    def run(
        self,
        drive: Float[Tensor, "time batch features"],
        outputs: Float[Tensor, "time batch hidden"],
    ) -> None:
        """Do some steps.

        Args:
            drive: the inputs, or what `project` made of them.
            outputs: where the state after each step is written, contiguous.
        """
        drive = drive.contiguous() if self._drive is None else self._scaled(drive)
        changed = {
            "begin": self._plane,
            "steps": len(drive),
            "drive": drive.data_ptr(),
            "outputs": outputs.data_ptr(),
        }
        for name, word in changed.items():
            self._call.words[_POSITIONS[name]] = word
        self._call.run()
        if self._in_turn:
            self._plane = (self._plane + len(drive)) % 2
        else:
            self.write(outputs[len(drive) - 1])

    def _weights(self) -> Tensor:
        """Return the weights of all inputs, of which the last is one."""
        if self._drive is None:
            return self._planes.new_empty(self._size, 0)
        into = self._drive.input_map
        return torch.cat([into.weight, into.bias.unsqueeze(1)], dim=1)

    def _scaled(self, inputs: Tensor) -> Tensor:
        """Return the inputs and the one, each for all rows of a vector side by side."""
        assert self._drive is not None
        time, batch, features = inputs.shape
        scaled = inputs.new_empty(time, batch, features + 1)
        scaled[..., :features] = self._drive.input_factor * inputs
        scaled[..., features:] = self._drive.bias_factor
        lines = scaled[:, self._rows].view(time, len(self._planes[0]), -1, features + 1)
        return lines.transpose(2, 3).contiguous()

    def _in_blocks(self, matrix: Tensor) -> Tensor:
        """Bring the rows of a matrix into blocks, each `[entries, lanes]`."""
        firsts = torch.arange(0, self._size, self._lanes).clamp(max=self._size - self._lanes)
        units = firsts.unsqueeze(1) + torch.arange(self._lanes)
        return matrix[units].transpose(1, 2).contiguous()

    def _of_rows(self, factor: float | Tensor) -> Tensor:
        """Spread a factor over the rows of all vectors."""
        rows = self._planes.new_empty(self._batch, 1)
        rows[:] = factor
        return rows[self._rows]
