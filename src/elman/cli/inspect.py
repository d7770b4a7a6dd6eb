"""`elman inspect`: pictures and tables of a run and of what its model does."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from elman.cli.common import RunArguments, load_language_model
from elman.cli.output import print_json, print_table, tell
from elman.cli.parse import parse
from elman.cli.similar import show_similar
from elman.config import Count, Range, check_ranges
from elman.errors import ConfigError

if TYPE_CHECKING:
    from elman.tasks.task import Finding
    from elman.training.run_folder import RunFolder


@dataclass(frozen=True)
class LanguageModelOptions:
    """What is seen of a language model."""

    beside: tuple[str, ...] = ()
    """lm: further runs to draw into the pictures of gradients, Jacobians and positions"""
    length: Annotated[int, Range(2)] = 100
    """lm: tokens of the windows that gradients and positions are measured on"""
    characters: Count = 400
    """lm: how much of the text the pictures of surprisal and units show"""
    units: Count = 4
    """lm: units shown"""
    jacobians: Count = 25
    """lm: time steps of the first window at which the recurrent Jacobian is taken"""

    def __post_init__(self) -> None:
        check_ranges(self)


@dataclass(frozen=True)
class InspectArguments(RunArguments):
    """Look inside a run: learning curves, gradient norms, and what the task has to show.

    A language model shows how far back it sees and what surprises it, a tagger its transitions
    between tags and the words it is least sure of. The pictures are written to RUN/plots.
    """

    input: tyro.conf.Positional[str | None] = None
    """file to look at the model with; the run's own validation file if not given"""
    similar: tuple[str, ...] = ()
    """show only the words that are most alike to these, by the vectors the run has learned"""
    lm: LanguageModelOptions = LanguageModelOptions()
    """what is seen of a language model"""


def run(arguments: Sequence[str]) -> None:
    """Show what is inside a run.

    Args:
        arguments: what stands after `inspect`.

    Raises:
        ElmanError: if a run or the file cannot be used.
    """
    options = parse(InspectArguments, arguments, "inspect")
    if options.similar:
        show_similar(options.run, options.similar, options.device, json=options.json)
        return

    from elman.training.run_folder import RunFolder

    folder = RunFolder(Path(options.run))
    settings = folder.read_settings()
    folder.plots.mkdir(exist_ok=True)
    # The curves come last: what cannot be used is told before anything is printed.
    for finding in _look_inside(folder, settings, options):
        _print(finding, options)
    for finding in _learning(folder, settings["clip"]):
        _print(finding, options)


def _print(finding: "Finding", options: InspectArguments) -> None:
    if options.json:
        if finding.picture is not None:
            print_json({"picture": finding.name, "path": str(finding.picture)})
        for row in finding.rows:
            print_json({"table": finding.name, **row})
        return
    if finding.picture is not None:
        tell(f"{finding.name}: {finding.picture}", quiet=options.quiet)
    if finding.rows:
        print(f"{finding.name}:")
        print_table(list(finding.rows[0]), [list(row.values()) for row in finding.rows])


def _look_inside(
    folder: "RunFolder", settings: dict[str, Any], options: InspectArguments
) -> "Iterator[Finding]":
    file = options.input or settings.get("valid") or settings["data"][-1]
    if options.input is None and not os.path.exists(file):
        tell(f"{file}, which the run was measured on, is no longer there: name a file as INPUT.")
    elif file == "-":
        raise ConfigError("inspect reads its input several times: give a file for it.")
    elif settings["task"] == "lm":
        from elman.tasks.language_model.look import look_at

        see = options.lm
        runs = (options.run, *see.beside)
        short = [Path(name).name for name in runs]
        names = short if len(set(short)) == len(runs) else runs
        tasks = {
            n: load_language_model(r, options.device) for n, r in zip(names, runs, strict=True)
        }
        sizes = (see.length, see.characters, see.units, see.jacobians)
        yield from look_at(tasks, file, folder.plots, *sizes)
    elif options.lm != LanguageModelOptions():
        raise ConfigError(
            "--beside, --length, --characters, --units and --jacobians are for language models; "
            f"{options.run} is a run of task {settings['task']!r}."
        )
    else:
        from elman.training.load import load

        yield from load(options.run, options.device).look_inside(file, folder.plots)


def _learning(folder: "RunFolder", clip: float) -> "Iterator[Finding]":
    """Show how the training went."""
    from elman.plots import clipped_updates, learning_curves
    from elman.tasks.task import Finding

    records = folder.read_metrics()
    if records:
        path = folder.plots / "learning_curves.png"
        learning_curves(records, path)
        yield Finding("learning curves", path)
    records = [r for r in records if r.get("gradient_norm") and "clipped" in r]
    if records:
        path = folder.plots / "gradient_norm.png"
        clipped_updates(records, clip, path)
        share = sum(record["clipped"] for record in records) / len(records)
        yield Finding("gradient norm", path, [{"clip": clip, "clipped": share}])
