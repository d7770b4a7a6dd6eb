"""`elman evaluate`: a run measured on a file."""

from collections.abc import Sequence
from dataclasses import dataclass

import tyro

from elman.cli.common import RunArguments, load_language_model
from elman.cli.output import print_json, print_table
from elman.cli.parse import parse


@dataclass(frozen=True)
class EvaluateArguments(RunArguments):
    """Measure a run on a file, read as one stream with the state carried."""

    data: tyro.conf.Positional[str] = "-"
    """text file; - is standard input"""


def run(arguments: Sequence[str]) -> None:
    """Measure a run.

    Args:
        arguments: what stands after `evaluate`.

    Raises:
        ElmanError: if the run or the data cannot be used.
    """
    options = parse(EvaluateArguments, arguments, "evaluate")
    task = load_language_model(options.run, options.device)
    with task.reading(options.data) as corpus:
        summary = task.evaluate(corpus)
    if options.json:
        print_json(summary)
    else:
        print_table(["measure", "value"], list(summary.items()))
