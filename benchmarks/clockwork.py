"""Clockwork networks beside Elman networks of the same width, both on the engine.

    python benchmarks/clockwork.py [UNITS...]

Periods 1, 2, 4, ..., 64; 100 steps, 32 rows, 64 inputs. Training is the forward and the backward
pass with the gradients of the inputs and all weights. The ratio is Elman's time / clockwork's.
"""

import statistics
import sys
from collections.abc import Callable, Sequence

import torch

from elman.bench import interleaved_seconds
from elman.bench.machine import machine_line
from elman.cells import Cell, ClockworkCell, ElmanCell
from elman.engine import explain, unroll

PERIODS = (1, 2, 4, 8, 16, 32, 64)
UNITS = (448, 896, 1344)
TIME, BATCH, FEATURES, ROUNDS = 100, 32, 64, 15


def inference(cell: Cell, inputs: torch.Tensor) -> Callable[[], None]:
    def run() -> None:
        with torch.no_grad():
            unroll(cell, inputs)

    return run


def training(cell: Cell, inputs: torch.Tensor) -> Callable[[], None]:
    leaves = [inputs.clone().requires_grad_(), *cell.parameters()]
    gradient = torch.randn(TIME, BATCH, cell.output_size)

    def run() -> None:
        torch.autograd.grad(unroll(cell, leaves[0])[0], leaves, gradient)

    return run


def main(sizes: Sequence[int]) -> None:
    print(machine_line())
    print(f"{'units':>6} {'work':<10} {'Elman ms':>9} {'clockwork ms':>13} {'ratio':>6}")
    inputs = torch.randn(TIME, BATCH, FEATURES)
    for units in sizes:
        cells = {
            "elman": ElmanCell(FEATURES, units),
            "clockwork": ClockworkCell(FEATURES, units, periods=PERIODS),
        }
        assert all(explain(cell, inputs).startswith("compiled") for cell in cells.values())
        for work in (inference, training):
            contenders = {name: work(cell, inputs) for name, cell in cells.items()}
            seconds = interleaved_seconds(contenders, ROUNDS)
            pairs = zip(seconds["elman"], seconds["clockwork"], strict=True)
            ratio = statistics.median(elman / clockwork for elman, clockwork in pairs)
            full, saved = (statistics.median(times) * 1e3 for times in seconds.values())
            print(
                f"{units:>6} {work.__name__:<10} {full:9.2f} {saved:13.2f} {ratio:6.2f}", flush=True
            )


if __name__ == "__main__":
    main([int(word) for word in sys.argv[1:]] or UNITS)
