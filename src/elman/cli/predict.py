"""`elman predict`: a run's answers to raw inputs."""

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import tyro

from elman.cli.common import RunArguments
from elman.cli.output import print_json
from elman.cli.parse import parse
from elman.config import Count, check_ranges
from elman.errors import ConfigError

BEAM_TASKS = ("tag", "translate")
"""Tasks that search for several answers."""


@dataclass(frozen=True)
class PredictArguments(RunArguments):
    """Answer inputs: tags of a sentence, the class of a text, the label of a tree, ..."""

    inputs: tyro.conf.Positional[tuple[str, ...]] = ()
    """the inputs"""
    file: str | None = None
    """file with one input a line instead; - is standard input"""
    columns: bool = False
    """tag: the file is in columns, as for training; it comes back with the tags as last column"""
    beam: Count | None = None
    """tag: most probable answers wanted of each input, 1 if not given; translate: beams of the
    search, those of the settings if not given"""

    def __post_init__(self) -> None:
        check_ranges(self)


def run(arguments: Sequence[str]) -> None:
    """Answer inputs.

    Args:
        arguments: what stands after `predict`.

    Raises:
        ElmanError: if the run or an input cannot be used.
    """
    options = parse(PredictArguments, arguments, "predict")
    _check(options)
    for answer, text in _with_progress(_answers(options), quiet=options.quiet):
        if options.json:
            print_json(answer)
        else:
            print(text, flush=True)


def _check(options: PredictArguments) -> None:
    if options.inputs and options.file:
        raise ConfigError("give inputs or --file, not both.")
    if not options.inputs and not options.file:
        raise ConfigError("nothing to predict: give inputs, or --file (- is standard input).")
    if options.columns and not options.file:
        raise ConfigError("--columns is said of a file: name it as --file.")


def _answers(options: PredictArguments) -> Iterator[tuple[Mapping[str, Any], str]]:
    """Answer the inputs, and write each answer for people."""
    from elman.data.text import source_name
    from elman.training.load import load

    task = load(options.run, options.device)
    if options.columns and task.kind != "tag":
        raise ConfigError(
            f"--columns is for runs of task 'tag'; {options.run} is one of task {task.kind!r}."
        )
    if options.beam is not None and task.kind not in BEAM_TASKS:
        raise ConfigError(
            f"--beam is for runs of task {' or '.join(map(repr, BEAM_TASKS))}; {options.run} is "
            f"one of task {task.kind!r}."
        )
    inputs, where = _inputs(options)
    if options.columns:
        name = source_name(str(options.file))
        answers = task.predict_columns(inputs, name, beam=options.beam or 1)
    elif options.beam is not None:
        answers = task.predict(inputs, where, beam=options.beam)
    else:
        answers = task.predict(inputs, where)
    return ((answer, task.show(answer)) for answer in answers)


def _inputs(options: PredictArguments) -> tuple[Iterable[str], str]:
    """Return the inputs, and what stands before an input's number in messages."""
    if options.file is None:
        return options.inputs, "input"
    from elman.data.text import read_lines, source_name

    return read_lines(options.file), f"{source_name(options.file)}, line"


def _with_progress(
    answers: Iterable[tuple[Mapping[str, Any], str]], *, quiet: bool
) -> Iterator[tuple[Mapping[str, Any], str]]:
    """Count the answers where a person sees the count but not the answers."""
    if quiet or sys.stdout.isatty() or not sys.stderr.isatty():
        yield from answers
        return
    from rich.console import Console
    from rich.progress import Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.completed:,.0f} answers"), TimeElapsedColumn())
    console = Console(stderr=True)
    # Answers are printed meanwhile, and must go where they are sent.
    with Progress(*columns, console=console, transient=True, redirect_stdout=False) as drawing:
        count = drawing.add_task("", total=None)
        for answer in answers:
            yield answer
            drawing.advance(count)
