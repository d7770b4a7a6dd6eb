"""Peak memory of training beside nn.LSTM: how far a few training calls raise it.

A fresh process measures each alone (Linux), after the libraries have been loaded and used once
on a small shape.

    python benchmarks/memory.py [CELL...]
"""

import multiprocessing
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import torch

from elman.bench.contenders import check_cell, elman_stack, torch_stack, training
from elman.bench.shapes import SEQUENCES, Shape

WARM_UP = Shape(2, 2, 8, inputs=8)
CALLS = 3
RESET_PEAK = "5"
"""What Linux takes in `clear_refs` for setting the highest resident size to the present one."""


def training_call(name: str, cell: str, shape: Shape) -> Callable[[], None]:
    if name == "elman":
        stack = elman_stack(cell, shape)
        return training(lambda inputs: stack(inputs)[0], stack, shape, stack.output_size)
    lstm = torch_stack("lstm", shape)
    return training(lambda inputs: lstm(inputs)[0], lstm, shape, shape.hidden)


def added_megabytes(name: str, cell: str, shape: Shape) -> float:
    """Return how far training raises the peak memory of a fresh process."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_added, (name, cell, shape))


def _added(name: str, cell: str, shape: Shape) -> float:
    torch.manual_seed(1)
    training_call(name, cell, WARM_UP)()
    call = training_call(name, cell, shape)
    Path("/proc/self/clear_refs").write_text(RESET_PEAK)
    before = megabytes("VmRSS")
    for _ in range(CALLS):
        call()
    return megabytes("VmHWM") - before


def megabytes(field: str) -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(field)) / 1024


def main(cells: Sequence[str]) -> None:
    for cell in cells:
        check_cell(cell)
    print(f"torch {torch.__version__}; megabytes that {CALLS} training calls add at their peak")
    print(f"{'cell':<17}{'shape':<23}{'elman':>8}{'nn.LSTM':>9}{'nn.LSTM / elman':>17}")
    theirs = {shape: added_megabytes("torch", "lstm", shape) for shape in SEQUENCES}
    for cell in cells:
        added_megabytes("elman", cell, WARM_UP)  # what compiling takes is not the training's
        for shape in SEQUENCES:
            ours = added_megabytes("elman", cell, shape)
            print(
                f"{cell:<17}{shape.label:<23}{ours:8.1f}{theirs[shape]:9.1f}"
                f"{theirs[shape] / ours:17.2f}",
                flush=True,
            )


if __name__ == "__main__":
    main(sys.argv[1:] or ["lstm", "peephole-lstm", "layer-norm-lstm"])
