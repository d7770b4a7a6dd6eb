"""Tasks: complete applications, one folder or file each."""

from importlib import import_module
from typing import TYPE_CHECKING

from elman.errors import CheckpointError

if TYPE_CHECKING:
    from elman.tasks.task import Task

TASKS = {
    "lm": "elman.tasks.language_model:LanguageModelTask",
    "fill": "elman.tasks.filling:FillingTask",
    "tag": "elman.tasks.tagging:TaggingTask",
    "classify": "elman.tasks.classification:ClassificationTask",
    "tree": "elman.tasks.tree:TreeTask",
    "answer": "elman.tasks.answering:AnsweringTask",
    "translate": "elman.tasks.translation:TranslationTask",
}
"""The tasks by the names the command line knows them by; loaded on first use."""


def find_task(kind: str) -> "type[Task]":
    """Find a task class.

    Args:
        kind: a key of `TASKS`.

    Returns:
        The class.

    Raises:
        CheckpointError: if there is no such task.
    """
    if kind not in TASKS:
        raise CheckpointError(f"unknown task {kind!r}: known are {', '.join(TASKS)}.")
    module, _, name = TASKS[kind].partition(":")
    found: type[Task] = getattr(import_module(module), name)
    return found


__all__ = ["TASKS", "find_task"]
