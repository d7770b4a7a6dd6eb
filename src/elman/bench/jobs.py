"""What the benchmark measures, and how its time is shared out."""

import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import NamedTuple

from elman.bench.measure import (
    Row,
    measure_first_use,
    measure_inference,
    measure_step,
    measure_training,
)
from elman.bench.shapes import LITTLE_WORK, SEQUENCES, SINGLE_STEPS, smallest

TRAINED = ("lstm", "peephole-lstm", "layer-norm-lstm", "gru", "elman")
"""The cells whose training is measured if none are named."""
FIRST_USED = ("lstm", "gru")
"""Those whose first use is measured then: the first cell of a process, and a further one."""
SECONDS, QUICK_SECONDS = 125.0, 12.0
LIMIT = 140.0
"""Seconds after which nothing more is begun, however slow or busy the machine."""


class Job(NamedTuple):
    """One measurement to take.

    Attributes:
        label: what is measured.
        measure: takes about so many seconds and returns rows.
    """

    label: str
    measure: Callable[[float], list[Row]]


def list_jobs(cells: Sequence[str], *, quick: bool) -> list[Job]:
    """List what is measured, work by work.

    Args:
        cells: names that `find_cell` knows; those of the standing tables if empty.
        quick: take the smallest shapes only.

    Returns:
        The measurements in the order of the tables.
    """
    cells = tuple(dict.fromkeys(cells))
    sequences = smallest(SEQUENCES, 2) if quick else SEQUENCES
    steps = smallest(SINGLE_STEPS, 1) if quick else SINGLE_STEPS
    works = [
        ("train", measure_training, cells or TRAINED, sequences),
        ("infer", measure_inference, cells or ("lstm",), sequences),
        ("step", measure_step, cells or ("lstm",), steps),
    ]
    jobs = [
        Job(f"{work} {cell} {shape.label}", partial(measure, cell, shape))
        for work, measure, names, shapes in works
        for cell in names
        for shape in shapes
    ]
    used = cells or FIRST_USED
    label = f"first use of {', '.join(used)}"
    return [*jobs, Job(label, lambda _: measure_first_use(used, LITTLE_WORK))]


def run_jobs(jobs: Sequence[Job], seconds: float, say: Callable[[str], None]) -> Iterator[Row]:
    """Take measurements one after the other.

    Args:
        jobs: what to measure.
        seconds: about how long all may take; each gets an equal share of what is left, and half
            of its share in any case.
        say: takes a line before each measurement.

    Yields:
        The rows of each.
    """
    start = time.perf_counter()
    for number, job in enumerate(jobs):
        spent, left = time.perf_counter() - start, len(jobs) - number
        if spent > LIMIT:
            say(f"this machine is too slow or too busy: {left} measurements are left out")
            return
        say(job.label)
        share = max((seconds - spent) / left, seconds / len(jobs) / 2)
        yield from job.measure(share)
