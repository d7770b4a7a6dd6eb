"""`elman demo`: everything at work on embedded real data."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Literal

import tyro

from elman.cli.parse import parse


@dataclass(frozen=True)
class DemoArguments:
    """Train on real data that comes with the installation, then show what the model can do."""

    task: tyro.conf.Positional[Literal["lm", "translate"]] = "lm"
    """what to demonstrate: a language model of Shakespeare's plays, or letters to sounds"""
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
    module = import_module(f"elman.demo.{options.task}")
    demonstrate: Callable[..., None] = module.demonstrate
    try:
        demonstrate(Path(options.out), print, quiet=options.quiet)
    except KeyboardInterrupt:
        raise KeyboardInterrupt("the same command goes on from here") from None
