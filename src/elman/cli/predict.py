"""`elman predict`: a run's answers to raw inputs."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import tyro

from elman.cli.common import RunArguments
from elman.cli.output import print_json
from elman.cli.parse import parse
from elman.errors import ConfigError


@dataclass(frozen=True)
class PredictArguments(RunArguments):
    """Answer inputs: the label of a bracketed tree, for a start."""

    inputs: tyro.conf.Positional[tuple[str, ...]] = ()
    """the inputs"""
    file: str | None = None
    """file with one input a line instead; - is standard input"""


def run(arguments: Sequence[str]) -> None:
    """Answer inputs.

    Args:
        arguments: what stands after `predict`.

    Raises:
        ElmanError: if the run or an input cannot be used.
    """
    options = parse(PredictArguments, arguments, "predict")
    inputs, where = _inputs(options)
    from elman.training.load import load

    task = load(options.run, options.device)
    for answer in task.predict(inputs, where):
        if options.json:
            print_json(answer)
        else:
            print(task.show(answer), flush=True)


def _inputs(options: PredictArguments) -> tuple[Iterable[str], str]:
    """Return the inputs, and what stands before an input's number in messages."""
    if options.inputs and options.file:
        raise ConfigError("give inputs or --file, not both.")
    if options.file:
        from elman.data.text import read_lines, source_name

        return read_lines(options.file), f"{source_name(options.file)}, line"
    if not options.inputs:
        raise ConfigError("nothing to predict: give inputs, or --file (- is standard input).")
    return options.inputs, "input"
