"""`elman predict`: a run's answers to raw inputs."""

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import tyro

from elman.cli.common import RunArguments, check_kind
from elman.cli.output import print_json
from elman.cli.parse import parse
from elman.cli.rescoring import RescoringOptions, language_model_of
from elman.config import Count, check_ranges
from elman.errors import ConfigError


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
    rescoring: RescoringOptions = field(default_factory=RescoringOptions)
    """translate: a language model's say"""

    def __post_init__(self) -> None:
        check_ranges(self)


def run(arguments: Sequence[str]) -> None:
    """Answer inputs.

    Args:
        arguments: what stands after `predict`.

    Raises:
        ElmanError: if the run or an input cannot be used.
        KeyboardInterrupt: with the number of answers that were written.
    """
    options = parse(PredictArguments, arguments, "predict")
    _check(options)
    written = 0
    try:
        for answer, text in _with_progress(_answers(options), quiet=options.quiet):
            if options.json:
                print_json(answer)
            else:
                print(text, flush=True)
            written += 1
    except KeyboardInterrupt:
        raise KeyboardInterrupt(f"{written} answers were written") from None


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
    asked = _asked(options, task.kind)
    inputs, where = _inputs(options)
    if options.columns:
        answers = task.predict_columns(inputs, source_name(str(options.file)), **asked)
    else:
        answers = task.predict(inputs, where, **asked)
    return ((answer, task.show(answer)) for answer in answers)


def _asked(options: PredictArguments, kind: str) -> dict[str, Any]:
    """Return what the task is asked beyond an answer, by the names it has there."""
    asked: dict[str, Any] = {}
    if options.columns:
        check_kind("--columns", ("tag",), options.run, kind)
    if options.beam is not None:
        check_kind("--beam", ("tag", "translate"), options.run, kind)
        asked["beam"] = options.beam
    if options.rescoring.rescore is not None:
        check_kind("--rescore", ("translate",), options.run, kind)
        asked["rescoring"] = language_model_of(options.rescoring, options.device)
    return asked


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
