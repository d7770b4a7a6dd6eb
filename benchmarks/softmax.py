"""Loss and gradients of a full softmax against plain torch and against its matrix products.

Runs the three in turn, so that a busy machine slows all of them alike, and prints medians of the
ratios within a round. A child process measures the peak memory of each alone (Linux).

    PYTHONPATH=src python benchmarks/softmax.py
"""

import multiprocessing
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch
import torch.nn.functional as F

from elman.nn.softmax import FullSoftmax

SHAPES = [  # rows, features, words, rounds
    (700, 200, 10_000, 30),
    (400, 200, 10_000, 30),
    (700, 650, 10_000, 15),
    (700, 400, 33_278, 8),
    (1536, 320, 65, 200),
    (35, 64, 65, 200),
    (256, 256, 250_000, 3),
]


def contenders(rows: int, size: int, words: int) -> dict[str, Callable[[], None]]:
    torch.manual_seed(0)
    layer = FullSoftmax(size, words)
    features = torch.randn(rows, size, requires_grad=True)
    targets = torch.randint(words, (rows,))
    weight, inputs = layer.weight.detach(), features.detach()
    logits, gradient = torch.empty(rows, words), torch.empty(words, size)

    def plain() -> None:
        layer.zero_grad()
        F.cross_entropy(F.linear(features, layer.weight, layer.bias), targets).backward()

    def ours() -> None:
        layer.zero_grad()
        layer.loss(features, targets).backward()

    def products() -> None:
        torch.mm(inputs, weight.T, out=logits)
        torch.mm(logits, weight)
        torch.mm(logits.T, inputs, out=gradient)

    return {"plain": plain, "ours": ours, "products": products}


def seconds(run: Callable[[], None]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def added_megabytes(shape: tuple[int, int, int], name: str) -> float:
    """Return how far one run raises the peak memory of a fresh process."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_peak, (shape, name))


def _peak(shape: tuple[int, int, int], name: str) -> float:
    run = contenders(*shape)[name]
    before = peak_megabytes()
    run()
    return peak_megabytes() - before


def peak_megabytes() -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


def main() -> None:
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads; medians of paired runs")
    print(
        f"{'rows':>6}{'features':>9}{'words':>8}{'ours ms':>9}"
        f"{'plain/ours':>12}{'ours/products':>15}{'plain MB':>10}{'ours MB':>9}"
    )
    for *shape, rounds in SHAPES:
        runs = contenders(*shape)
        for run in runs.values():
            run()
        times = [{name: seconds(run) for name, run in runs.items()} for _ in range(rounds)]
        del runs
        median = statistics.median
        print(
            f"{shape[0]:6}{shape[1]:9}{shape[2]:8}{1e3 * median(t['ours'] for t in times):9.2f}"
            f"{median(t['plain'] / t['ours'] for t in times):12.2f}"
            f"{median(t['ours'] / t['products'] for t in times):15.2f}"
            f"{added_megabytes(tuple(shape), 'plain'):10.0f}"
            f"{added_megabytes(tuple(shape), 'ours'):9.0f}"
        )


if __name__ == "__main__":
    main()
