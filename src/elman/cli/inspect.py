"""`elman inspect`: pictures and tables of a run and of what its model does."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from elman.cli.common import RunArguments, check_kind, load_language_model
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
    between tags and the words it is least sure of, a translation where it looked and, with
    --errors, whose fault its errors are. The pictures are written to RUN/plots.
    """

    input: tyro.conf.Positional[str | None] = None
    """file to look at the model with; the run's own validation file if not given"""
    similar: tuple[str, ...] = ()
    """show only the words that are most alike to these, by the vectors the run has learned"""
    errors: str | None = None
    """translate: show only how often it errs on this file of pairs, and whose fault that is"""
    target: str | None = None
    """translate: a file of the targets, if the one of --errors has sources alone"""
    beside: tuple[str, ...] = ()
    """lm, or translate with --errors: further runs to draw into the same pictures"""
    lm: LanguageModelOptions = LanguageModelOptions()
    """what is seen of a language model"""

    def __post_init__(self) -> None:
        if self.similar and self.errors is not None:
            raise ConfigError("--similar and --errors each show nothing else: leave one out.")
        if self.target is not None and self.errors is None:
            raise ConfigError("--target goes with --errors: name the file of sources there.")
        if self.input is not None and self.errors is not None:
            raise ConfigError(f"--errors names the data: leave out {self.input}.")


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
    if options.errors is not None:
        for finding in _errors(options.errors, folder, options):
            _print(finding, options)
        return
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

        tasks = {
            name: load_language_model(run, options.device) for name, run in _named(options).items()
        }
        see = options.lm
        sizes = (see.length, see.characters, see.units, see.jacobians)
        yield from look_at(tasks, file, folder.plots, *sizes)
    elif options.lm != LanguageModelOptions():
        raise ConfigError(
            "--length, --characters, --units and --jacobians are for language models; "
            f"{options.run} is a run of task {settings['task']!r}."
        )
    elif options.beside:
        raise ConfigError(
            "--beside is for language models, and for translations with --errors; "
            f"{options.run} is a run of task {settings['task']!r}."
        )
    else:
        from elman.training.load import load

        yield from load(options.run, options.device).look_inside(file, folder.plots)


def _errors(file: str, folder: "RunFolder", options: InspectArguments) -> "Iterator[Finding]":
    """Show how often translations are wrong, and whose fault that is."""
    from elman.tasks.translation.errors import look_at_errors
    from elman.tasks.translation.reading import read_pairs, without_empty
    from elman.training.load import load

    if options.lm != LanguageModelOptions():
        raise ConfigError(
            "--length, --characters, --units and --jacobians do not go with --errors: leave "
            "them out."
        )
    tasks = {}
    for name, run in _named(options).items():
        tasks[name] = load(run, options.device)
        check_kind("--errors", ("translate",), run, tasks[name].kind)
    pairs = without_empty(list(read_pairs(file, options.target)), file)
    tell(f"translating {len(pairs):,} lines with several numbers of beams", quiet=options.quiet)
    yield from look_at_errors(tasks, pairs, folder.plots)


def _named(options: InspectArguments) -> dict[str, str]:
    """Return the folders of all runs by the names that pictures give them."""
    runs = dict.fromkeys((options.run, *options.beside))
    short = [Path(run).name for run in runs]
    return dict(zip(short if len(set(short)) == len(runs) else runs, runs, strict=True))


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
