"""What numbers stand for, as a run folder keeps it."""

import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from elman.errors import CheckpointError
from elman.files import written_atomically

Rebuilt = TypeVar("Rebuilt")

FILE = "labels.json"


def numbered(entries: Iterable[str], first: int = 0) -> dict[str, int]:
    """Number words, characters or labels.

    Args:
        entries: in their order, each once.
        first: the number of the first.

    Returns:
        The number of each.
    """
    return {entry: number for number, entry in enumerate(entries, first)}


def write_labels(folder: Path, contents: Mapping[str, Any]) -> None:
    """Write what numbers stand for.

    Args:
        folder: the run folder.
        contents: what JSON can hold.
    """
    with written_atomically(folder / FILE) as temporary:
        temporary.write_text(json.dumps(contents, ensure_ascii=False, indent=0) + "\n", "utf-8")


def read_labels(folder: Path, rebuild: Callable[[dict[str, Any]], Rebuilt]) -> Rebuilt:
    """Read what `write_labels` wrote.

    Args:
        folder: the run folder.
        rebuild: makes of the contents what is wanted.

    Returns:
        What `rebuild` made.

    Raises:
        CheckpointError: if the file is missing or damaged.
    """
    path = folder / FILE
    try:
        return rebuild(json.loads(path.read_text("utf-8")))
    except FileNotFoundError:
        raise CheckpointError(f"{path} is missing: the run is incomplete.") from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise CheckpointError(f"{path} is damaged: train the model again.") from None
