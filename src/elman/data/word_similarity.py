"""Pairs of words and how similar people find them."""

import math
import os
from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

from elman.data.text import Source, read_lines, source_name
from elman.errors import DataError

LINES_LOOKED_AT = 10
"""Lines that tell whether a file holds scored pairs."""


class ScoredPair(NamedTuple):
    """Two words, and how similar people find them on a scale of their own."""

    first: str
    second: str
    score: float


def holds_scored_pairs(path: Source) -> bool:
    """Tell whether a file holds scored pairs, by its first lines.

    Args:
        path: a file; pipes, which can be read only once, are left alone.

    Returns:
        Whether each of those lines is two words and a number; no if it cannot be read.
    """
    if not os.path.isfile(path):
        return False
    try:
        return all(_parse(line) is not None for line in islice(read_lines(path), LINES_LOOKED_AT))
    except DataError:
        return False


def read_scored_pairs(path: Source) -> list[ScoredPair]:
    """Read scored pairs: lines of two words and a number, between white space.

    Args:
        path: the file, or `-` for standard input.

    Returns:
        The pairs.

    Raises:
        DataError: if the file cannot be read, or a line, which is named, is something else.
    """
    return list(_pairs(path))


def _pairs(path: Source) -> Iterator[ScoredPair]:
    for number, line in enumerate(read_lines(path), 1):
        pair = _parse(line)
        if pair is None:
            raise DataError(
                f"{source_name(path)}, line {number}: expected two words and a finite number."
            )
        yield pair


def _parse(line: str) -> ScoredPair | None:
    parts = line.split()
    if len(parts) != 3:
        return None
    try:
        score = float(parts[2])
    except ValueError:
        return None
    return ScoredPair(parts[0], parts[1], score) if math.isfinite(score) else None
