"""Runs an experiment for several seeds side by side."""

import math
import os
import signal
import statistics
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import get_context, parent_process
from typing import NamedTuple

import torch

from elman.errors import ElmanError
from elman.reproduce.experiment import Row
from elman.reproduce.table import EXPERIMENTS, find_experiment, load_experiment


class Measured(NamedTuple):
    """One number of an experiment over seeds.

    Args:
        row: which number.
        median: of the seeds; NaN if any is.
        lowest: of the seeds; NaN if any is.
        highest: of the seeds; NaN if any is.
        values: one a seed, in the order of the seeds.
    """

    row: Row
    median: float
    lowest: float
    highest: float
    values: tuple[float, ...]


def run_seeds(
    name: str, seeds: Sequence[int], tell: Callable[[str], None]
) -> tuple[list[Measured], float]:
    """Measure an experiment.

    Each seed runs in a process of its own, with one thread, as many at once as there are cores.

    Args:
        name: a key of `EXPERIMENTS`.
        seeds: one run each.
        tell: takes a line of progress when a seed is done.

    Returns:
        The numbers in the order of the experiment's rows, and the seconds that a seed took in the
        mean.

    Raises:
        ConfigError: if there is no such experiment.
        ElmanError: if a seed fails; the others are stopped.
    """
    rows = find_experiment(name).rows
    results: dict[int, Mapping[str, float]] = {}
    total = 0.0
    with _processes(min(len(seeds), os.cpu_count() or 1)) as pool:
        with _interrupts_ignored():  # what is ignored here, the new processes ignore for good
            runs = {pool.submit(_run_elsewhere, EXPERIMENTS[name], seed): seed for seed in seeds}
        for done in as_completed(runs):
            seed = runs[done]
            results[seed], seconds = done.result()
            total += seconds
            tell(f"{name}: seed {seed} done in {seconds:.0f} s ({len(results)}/{len(seeds)})")
    return [_gather(row, [results[seed] for seed in seeds]) for row in rows], total / len(seeds)


def run_seed(module: str, seed: int) -> tuple[dict[str, float], float]:
    """Measure an experiment once, in this process.

    Args:
        module: the full name of the experiment's module.
        seed: of every random draw.

    Returns:
        Values by the names of the rows, and the seconds it took.
    """
    experiment = load_experiment(module)
    started = time.perf_counter()
    torch.manual_seed(seed)
    values = dict(experiment.run(seed))
    return values, time.perf_counter() - started


def _run_elsewhere(module: str, seed: int) -> tuple[dict[str, float], float]:
    try:
        return run_seed(module, seed)
    except ElmanError as error:  # its own class may not survive the way back
        raise ElmanError(f"seed {seed}: {error}") from None


@contextmanager
def _processes(count: int) -> Iterator[ProcessPoolExecutor]:
    """Give processes of one thread each, which end with the block, however it ends."""
    # Spawned: a forked process could not use torch's threads.
    pool = ProcessPoolExecutor(count, get_context("spawn"), _begin)
    try:
        yield pool
    except BaseException as error:
        running = list(pool._processes.values())
        pool.shutdown(wait=False, cancel_futures=True)
        for process in running:
            process.terminate()
        if isinstance(error, BrokenProcessPool):
            raise ElmanError(
                "the process of a seed ended before its time, perhaps for want of memory."
            ) from None
        raise
    pool.shutdown()


def _begin() -> None:
    """Make a new process one of a single thread that does not outlive the one it works for."""
    torch.set_num_threads(1)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


@contextmanager
def _interrupts_ignored() -> Iterator[None]:
    previous = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, previous)


def _gather(row: Row, results: Sequence[Mapping[str, float]]) -> Measured:
    values = tuple(float(result[row.name]) for result in results)
    if any(map(math.isnan, values)):
        return Measured(row, math.nan, math.nan, math.nan, values)
    return Measured(row, statistics.median(values), min(values), max(values), values)
