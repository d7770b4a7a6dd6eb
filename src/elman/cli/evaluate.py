"""`elman evaluate`: a run measured on a file."""

from collections.abc import Sequence
from dataclasses import dataclass

import tyro

from elman.cli.common import RunArguments
from elman.cli.output import print_json, print_table
from elman.cli.parse import parse


@dataclass(frozen=True)
class EvaluateArguments(RunArguments):
    """Measure a run on a file of the kind it was trained on.

    A language model reads the text as one stream, with the state carried.
    """

    data: tyro.conf.Positional[str] = "-"
    """the file; - is standard input"""


def run(arguments: Sequence[str]) -> None:
    """Measure a run.

    Args:
        arguments: what stands after `evaluate`.

    Raises:
        ElmanError: if the run or the data cannot be used.
    """
    options = parse(EvaluateArguments, arguments, "evaluate")
    from elman.training.load import load

    task = load(options.run, options.device)
    with task.reading(options.data) as data:
        summary = task.evaluate(data)
    if options.json:
        print_json(summary)
    else:
        print_table(["measure", "value"], list(summary.items()))
