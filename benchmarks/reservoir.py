"""Reservoirs: collecting states beside reservoirpy, and a grid of settings beside one at a time.

    python benchmarks/reservoir.py [UNITS...]

One input, one row, leak 0.5. A grid is 16 spectral radii and leaks: as one batch, one after the
other by `unroll` as it comes, and by the plain loop, which is timed on fewer steps. What draws a
reservoir is left out, but for the column `drawn`: the grid and the 16 with the draw of W, which
the grid needs once. Microseconds are those of one step of one reservoir, or of all 16.
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
STEPS, LARGE_STEPS, GRID_STEPS, PLAIN_STEPS = 10_000, 1000, 250, 20
ROWS, ROUNDS = 16, 5
RADII, LEAKS = torch.linspace(0.1, 1.5, ROWS), torch.linspace(0.1, 1.0, ROWS)


def build(units: int, kind: torch.dtype, density: float, row: int | None = None) -> EchoStateCell:
    torch.manual_seed(1)
    radius = RADII if row is None else RADII[row].item()
    leak = LEAKS if row is None else LEAKS[row].item()
    return EchoStateCell(1, units, density=density, spectral_radius=radius, leak=leak).to(kind)


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
        other = Reservoir(
            units, lr=0.5, sr=0.9, rc_connectivity=0.01, input_connectivity=1.0, seed=1
        )
        other.dtype = KINDS[kind]
        series = inputs[:, 0].numpy()
        contenders["reservoirpy"] = lambda: other.run(series)
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
    seconds = interleaved_seconds(
        {
            "grid": lambda: unroll(together, batch),
            "alone": lambda: [unroll(cell, inputs) for cell in alone],
            "plain": lambda: [unroll_eager(cell, few, cell.initial_state(1)) for cell in alone[:2]],
        },
        ROUNDS,
    )
    scaled = [value * ROWS / 2 * GRID_STEPS / PLAIN_STEPS for value in seconds["plain"]]
    seconds["plain"] = scaled
    whole = STEPS / GRID_STEPS
    drawn = (ROWS * drawing + whole * statistics.median(seconds["alone"])) / (
        drawing + whole * statistics.median(seconds["grid"])
    )
    print(
        f"{units:>6} {density:>8} {str(kind)[6:]:>8} {microseconds(seconds['grid'], GRID_STEPS)} "
        f"{ratio(seconds, 'alone', 'grid'):8.2f} {ratio(seconds, 'plain', 'grid'):8.2f} "
        f"{drawn:8.2f}",
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
    heads = ("grid us", "unroll", "plain", "drawn")
    print(
        f"{'units':>6} {'density':>8} {'type':>8} {heads[0]:>9} "
        + " ".join(f"{h:>8}" for h in heads[1:])
    )
    for kind in KINDS:
        for units in sizes:
            for density in (0.01, 0.1):
                if units * units * density < 2_000_000:
                    grid(units, kind, density)


if __name__ == "__main__":
    main([int(word) for word in sys.argv[1:]] or UNITS)
