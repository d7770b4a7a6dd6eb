"""`elman demo`: everything at work on embedded real data."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import tyro

from elman.cli.parse import parse


@dataclass(frozen=True)
class DemoArguments:
    """Train on real data that comes with the installation, then show what the model can do."""

    task: tyro.conf.Positional[Literal["lm"]] = "lm"
    """what to demonstrate"""
    out: str = "runs"
    """folder to write to"""
    quiet: bool = False
    """show no progress while training"""


def run(arguments: Sequence[str]) -> None:
    """Run a demonstration.

    Args:
        arguments: what stands after `demo`.

    Raises:
        ElmanError: if the data is not installed, or the folder holds something else.
        KeyboardInterrupt: with advice how to go on.
    """
    options = parse(DemoArguments, arguments, "demo")

    from elman.demo.lm import demonstrate

    try:
        demonstrate(Path(options.out), print, quiet=options.quiet)
    except KeyboardInterrupt:
        raise KeyboardInterrupt("elman demo goes on from here") from None
