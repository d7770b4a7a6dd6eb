"""`elman reproduce`: published results, their numbers and ours."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import tyro

from elman.cli.output import print_json, print_table, tell
from elman.cli.parse import parse
from elman.config import Count, check_ranges
from elman.errors import ConfigError

if TYPE_CHECKING:
    from elman.reproduce import Experiment, Measured, Row


@dataclass(frozen=True)
class ReproduceArguments:
    """Measure published results again: the paper, its setting, its number, and ours over seeds."""

    names: tyro.conf.Positional[tuple[str, ...]] = ()
    """experiments; --list shows them"""
    list: bool = False
    """show the experiments and stop"""
    seeds: Count | None = None
    """runs, with seeds 1, 2, ...; as many as are usual for the experiment if not given"""
    out: str | None = None
    """folder for the pictures of an experiment that draws some"""
    json: bool = False
    """print one JSON object a line"""
    quiet: bool = False
    """print no progress"""

    def __post_init__(self) -> None:
        check_ranges(self)
        if not (self.names or self.list):
            raise ConfigError("name an experiment; elman reproduce --list shows them.")


def run(arguments: Sequence[str]) -> None:
    """Measure and print.

    Args:
        arguments: what stands after `reproduce`.

    Raises:
        ConfigError: if the arguments do not fit, or an experiment is unknown.
    """
    options = parse(ReproduceArguments, arguments, "reproduce")

    from elman.reproduce import EXPERIMENTS, find_experiment, run_seeds

    if options.list:
        _print_list(list(EXPERIMENTS), as_json=options.json)
        return
    experiments = {name: find_experiment(name) for name in options.names}
    folder = None if options.out is None else Path(options.out)
    if folder is not None:  # before the minutes that the experiments take
        folder.mkdir(parents=True, exist_ok=True)
    for name, experiment in experiments.items():
        seeds = range(1, (options.seeds or experiment.seeds) + 1)
        measured, seconds = run_seeds(name, seeds, lambda line: tell(line, quiet=options.quiet))
        if options.json:
            _print_objects(name, experiment, measured, seconds)
        else:
            _print_experiment(name, experiment, measured, seconds)
        if folder is not None and experiment.draw is not None:
            for shows, path in experiment.draw(folder).items():
                tell(f"{shows}: {path}", quiet=options.quiet)


def _print_list(names: Sequence[str], *, as_json: bool) -> None:
    from elman.reproduce import find_experiment

    found = {name: find_experiment(name) for name in names}
    if as_json:
        for name, experiment in found.items():
            print_json({"name": name, "paper": experiment.paper, "setting": experiment.setting})
    else:
        print_table(
            ["name", "paper", "setting"],
            [[name, experiment.paper, experiment.setting] for name, experiment in found.items()],
        )


def _print_objects(
    name: str, experiment: "Experiment", measured: "Sequence[Measured]", seconds: float
) -> None:
    for row, median, lowest, highest, values in measured:
        print_json(
            {
                "experiment": name,
                "paper": experiment.paper,
                "setting": experiment.setting,
                **vars(row),
                "median": median,
                "lowest": lowest,
                "highest": highest,
                "values": values,
                "reached": row.reached(median),
                "seconds_a_seed": seconds,
            }
        )


def _print_experiment(
    name: str, experiment: "Experiment", measured: "Sequence[Measured]", seconds: float
) -> None:
    print(f"\n{name}\npaper: {experiment.paper}\nsetting: {experiment.setting}")
    count = len(measured[0].values)
    lines = [
        [
            row.name,
            row.measure,
            "-" if row.published is None else f"{row.published:.4g}",
            f"{median:.4g}",
            f"{lowest:.4g} to {highest:.4g}",
            _verdict(row, median),
        ]
        for row, median, lowest, highest, _ in measured
    ]
    spread = f"over {count} seeds"
    print_table(["system", "measure", "published", "median", spread, "target"], lines)
    print(f"{seconds:.0f} s a seed", flush=True)


def _verdict(row: "Row", value: float) -> str:
    if row.target is None:
        return "-"
    bound = f"{'>=' if row.higher_is_better else '<='} {row.target:.4g}"
    return f"{bound}: {'reached' if row.reached(value) else 'missed'}"
