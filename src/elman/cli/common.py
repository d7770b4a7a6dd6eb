"""Options that several commands share."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import tyro

from elman.config import Seed
from elman.errors import ConfigError


@dataclass(frozen=True)
class RunArguments:
    """A run folder, and how to answer."""

    run: tyro.conf.Positional[str]
    """run folder"""
    json: bool = False
    """print one JSON object a line"""
    quiet: bool = False
    """print no progress"""
    device: Literal["auto", "cpu", "cuda"] = "cpu"
    """where to compute"""
    seed: Seed = 1
    """of every random draw"""


def check_kind(option: str, kinds: Sequence[str], run: str, kind: str) -> None:
    """Refuse an option that is not for runs of a task.

    Args:
        option: the option, with its dashes.
        kinds: the tasks that it is for.
        run: the run folder.
        kind: its task.

    Raises:
        ConfigError: if it is not for that task.
    """
    if kind not in kinds:
        raise ConfigError(
            f"{option} is for runs of task {' or '.join(map(repr, kinds))}; {run} is one of task "
            f"{kind!r}."
        )


def load_language_model(run: str, device: Literal["auto", "cpu", "cuda"]) -> Any:
    """Load a run of a language model.

    Args:
        run: the run folder.
        device: where to compute.

    Returns:
        The task.

    Raises:
        CheckpointError: if the folder is not a run or is damaged.
        ConfigError: if it is a run of another task.
    """
    from elman.training.load import load

    task = load(run, device)
    if task.kind != "lm":
        raise ConfigError(f"{run} is a run of task {task.kind!r}; this command is for lm.")
    return task
