"""`elman bench`: speed against torch, plain loops and onnxruntime."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import tyro

from elman.cli.output import print_json, print_table, tell
from elman.cli.parse import parse
from elman.config import Count, check_ranges

if TYPE_CHECKING:
    from elman.bench import Row

TITLES = {
    "train": "Training: forward and backward, to inputs and weights: their time / elman's",
    "infer": "Inference: whole sequences, no gradients: their time / elman's",
    "step": "One step of one stream: their time / elman's",
    "first use": "First use: what the first training call takes beyond later ones, in a process "
    "that uses the cells in this order",
}


@dataclass(frozen=True)
class BenchArguments:
    """Measure speed against torch's layers, plain loops and onnxruntime; under 3 minutes.

    Tables show ratios: how many times longer the others take than elman, so above 1 elman is
    faster. They are medians of runs that take turns. Columns are shapes: time steps, rows of the
    batch and hidden units, then layers if several and inputs if not as many as units. Torch's GRU
    and RNN are measured beside those cells, its LSTM beside every other.
    """

    cells: tyro.conf.Positional[tuple[str, ...]] = ()
    """cells to measure, of `elman cells` or module:Class; if none, the standing tables"""
    json: bool = False
    """print one JSON object a line"""
    quiet: bool = False
    """print no progress"""
    quick: bool = False
    """take the smallest shapes only, in seconds"""
    threads: Count | None = None
    """threads to compute with; as many as torch takes if not given"""

    def __post_init__(self) -> None:
        check_ranges(self)


def run(arguments: Sequence[str]) -> None:
    """Measure and print.

    Args:
        arguments: what stands after `bench`.

    Raises:
        ConfigError: if the arguments do not fit, or a cell is unknown.
    """
    options = parse(BenchArguments, arguments, "bench")
    import torch

    from elman.bench import QUICK_SECONDS, SECONDS, check_cell, list_jobs, machine_line, run_jobs

    for cell in options.cells:
        check_cell(cell)
    if options.threads is not None:
        torch.set_num_threads(options.threads)
    if options.json:
        tell(machine_line(), quiet=options.quiet)
    else:
        print(machine_line(), flush=True)
    seconds = QUICK_SECONDS if options.quick else SECONDS
    jobs = list_jobs(options.cells, quick=options.quick)
    rows = run_jobs(jobs, seconds, lambda line: tell(line, quiet=options.quiet))
    if options.json:
        for row in rows:
            print_json(row._asdict())
    else:
        _print_tables(rows)


def _print_tables(rows: "Iterator[Row]") -> None:
    """Print each work's table as soon as its rows are complete."""
    of_work: list[Row] = []
    for row in rows:
        if of_work and of_work[0].work != row.work:
            _print_table(of_work)
            of_work = []
        of_work.append(row)
    _print_table(of_work)


def _print_table(rows: "Sequence[Row]") -> None:
    shapes = list(dict.fromkeys(row.shape for row in rows))
    lines = []
    for cell in dict.fromkeys(row.cell for row in rows):
        of_cell = [row for row in rows if row.cell == cell]
        backends = "/".join(dict.fromkeys(row.backend for row in of_cell))
        for other in dict.fromkeys(row.against for row in of_cell if row.against):
            ratios = {row.shape: _ratio(row) for row in of_cell if row.against == other}
            lines.append([cell, backends, other, *(ratios.get(shape, "-") for shape in shapes)])
        times = {row.shape: f"{row.milliseconds:.4g}" for row in of_cell}
        lines.append([cell, backends, "elman, ms", *(times.get(shape, "-") for shape in shapes)])
    print(f"\n{TITLES[rows[0].work]}", flush=True)
    print_table(["cell", "back end", "against", *shapes], lines)


def _ratio(row: "Row") -> str:
    return "not installed" if row.ratio is None else f"{row.ratio:.2f}"
