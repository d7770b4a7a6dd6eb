"""Reservoirs: collecting states beside reservoirpy, and a grid of settings beside one at a time.

    python benchmarks/reservoir.py [UNITS...]

One input, one row, leak 0.5. A grid is 16 spectral radii and leaks: as one batch, and one after the
other by `unroll` as it comes, by reservoirpy, and by the plain loop; the last two are timed on two
of the 16, the plain loop on few steps. What draws a reservoir is left out, but for the column
`drawn`: the grid and the 16 by `unroll` with the draw of W, which the grid needs once. Microseconds
are those of one step of one reservoir, or of all 16.
"""

import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch

from elman.bench import interleaved_seconds
from elman.bench.machine import machine_line
from elman.cells import EchoStateCell
from elman.engine import unroll, unroll_eager

try:
    from reservoirpy.nodes import Reservoir
except ImportError:
    Reservoir = None

UNITS = (500, 1000, 2000, 10_000)
KINDS = {torch.float64: np.float64, torch.float32: np.float32}
STEPS, LARGE_STEPS, GRID_STEPS, PLAIN_STEPS = 10_000, 1000, 500, 20
ROWS, ROUNDS = 16, 5
RADII, LEAKS = torch.linspace(0.1, 1.5, ROWS), torch.linspace(0.1, 1.0, ROWS)


def build(units: int, kind: torch.dtype, density: float, row: int | None = None) -> EchoStateCell:
    torch.manual_seed(1)
    radius = RADII if row is None else RADII[row].item()
    leak = LEAKS if row is None else LEAKS[row].item()
    return EchoStateCell(1, units, density=density, spectral_radius=radius, leak=leak).to(kind)


def theirs(units: int, kind: torch.dtype, density: float, row: int) -> object:
    other = Reservoir(
        *(units, LEAKS[row].item(), RADII[row].item()),
        rc_connectivity=density,
        input_connectivity=1.0,
        seed=1,
    )
    other.dtype = KINDS[kind]
    return other


def ratio(seconds: Mapping[str, Sequence[float]], slow: str, fast: str) -> float:
    return statistics.median(a / b for a, b in zip(seconds[slow], seconds[fast], strict=False))


def microseconds(times: Sequence[float], steps: int) -> str:
    return f"{statistics.median(times) / steps * 1e6:9.2f}"


def collect(units: int, kind: torch.dtype) -> None:
    steps = STEPS if units <= 2000 else LARGE_STEPS
    cell = build(units, kind, 0.01, row=8)
    inputs = torch.randn(steps, 1, 1, dtype=kind)
    contenders: dict[str, Callable[[], object]] = {"elman": lambda: unroll(cell, inputs)}
    if Reservoir is not None:
        other = theirs(units, kind, 0.01, row=8)
        contenders["reservoirpy"] = lambda: other.run(inputs[:, 0].numpy())
    seconds = interleaved_seconds(contenders, ROUNDS)
    line = f"{units:>6} {str(kind)[6:]:>8} {microseconds(seconds['elman'], steps)}"
    if Reservoir is not None:
        times = ratio(seconds, "reservoirpy", "elman")
        line += f" {microseconds(seconds['reservoirpy'], steps)} {times:8.2f}"
    print(line, flush=True)


def grid(units: int, kind: torch.dtype, density: float) -> None:
    start = time.perf_counter()
    together = build(units, kind, density)
    drawing = time.perf_counter() - start
    alone = [build(units, kind, density, row) for row in range(ROWS)]
    inputs = torch.randn(GRID_STEPS, 1, 1, dtype=kind)
    batch = inputs.expand(-1, ROWS, -1)
    few = inputs[:PLAIN_STEPS]
    contenders: dict[str, Callable[[], object]] = {
        "grid": lambda: unroll(together, batch),
        "alone": lambda: [unroll(cell, inputs) for cell in alone],
        "plain": lambda: [unroll_eager(cell, few, cell.initial_state(1)) for cell in alone[:2]],
    }
    if Reservoir is not None:
        others = [theirs(units, kind, density, row) for row in (7, 8)]
        contenders["reservoirpy"] = lambda: [other.run(inputs[:, 0].numpy()) for other in others]
    seconds = interleaved_seconds(contenders, ROUNDS)
    for name, steps in (("plain", PLAIN_STEPS), ("reservoirpy", GRID_STEPS)):
        timed = seconds.get(name, [])
        seconds[name] = [value * ROWS / 2 * GRID_STEPS / steps for value in timed]
    whole = STEPS / GRID_STEPS
    drawn = (ROWS * drawing + whole * statistics.median(seconds["alone"])) / (
        drawing + whole * statistics.median(seconds["grid"])
    )
    found = [ratio(seconds, name, "grid") for name in contenders if name != "grid"]
    print(
        f"{units:>6} {density:>8} {str(kind)[6:]:>8} {microseconds(seconds['grid'], GRID_STEPS)} "
        + " ".join(f"{value:8.2f}" for value in (drawn, *found)),
        flush=True,
    )


def main(sizes: Sequence[int]) -> None:
    print(machine_line())
    if Reservoir is None:
        print("reservoirpy is not installed, so its columns are left out")
    print(f"{'units':>6} {'type':>8} {'elman us':>9} {'theirs us':>9} {'theirs/elman':>8}")
    for kind in KINDS:
        for units in sizes:
            collect(units, kind)
    print(f"\na grid of {ROWS}: the 16 one after the other / the grid")
    heads = "drawn", "unroll", "plain", *(["theirs"] if Reservoir is not None else [])
    print(
        f"{'units':>6} {'density':>8} {'type':>8} {'grid us':>9} "
        + " ".join(f"{head:>8}" for head in heads)
    )
    for kind in KINDS:
        for units in sizes:
            for density in (0.01, 0.1):
                if units * units * density < 2_000_000:
                    grid(units, kind, density)


if __name__ == "__main__":
    main([int(word) for word in sys.argv[1:]] or UNITS)
