"""Aligned pairs of lines, from one file or from two."""

import warnings
from collections.abc import Iterator
from itertools import zip_longest
from typing import NamedTuple

import numpy as np

from elman.data.text import read_lines, source_name
from elman.errors import DataError

MOST_HELD_OUT = 2000
"""Sources that are held out at most."""


class Pair(NamedTuple):
    """A source and its target, raw.

    Args:
        source: a line.
        target: a line.
    """

    source: str
    target: str


def read_pairs(source: str, target: str | None = None) -> Iterator[Pair]:
    """Read aligned lines.

    Args:
        source: a file of sources, or of sources and targets between which a tab stands if
            `target` is None; - is standard input.
        target: a file of targets, line by line those of the sources.

    Yields:
        One pair a line. Lines empty on one side are kept; those empty on both are passed over.

    Raises:
        DataError: if a file cannot be read, a line has not two columns, or the files are not of
            one length; says both.
    """
    pairs = _columns(source) if target is None else _side_by_side(source, target)
    yield from (pair for pair in pairs if pair.source.strip() or pair.target.strip())


def without_empty(pairs: list[Pair], name: str) -> list[Pair]:
    """Leave out pairs of which one side is empty.

    Args:
        pairs: the pairs.
        name: of what they are, for messages.

    Returns:
        The others.

    Raises:
        DataError: if none is left.

    Warns:
        UserWarning: if some are left out; says how many.
    """
    kept = [pair for pair in pairs if pair.source.strip() and pair.target.strip()]
    if not kept:
        raise DataError(f"{name}: no line has both a source and a target.")
    if len(kept) < len(pairs):
        warnings.warn(
            f"{name}: {len(pairs) - len(kept)} of {len(pairs)} lines are empty on one side and "
            "left out.",
            stacklevel=3,
        )
    return kept


def hold_out_sources(pairs: list[Pair], seed: int) -> tuple[list[Pair], list[Pair]]:
    """Hold out a tenth of the sources, at most `MOST_HELD_OUT`, drawn at random.

    All pairs with one source go to one part, so that nothing held out was learnt; and at random,
    for such files are often sorted.

    Args:
        pairs: the pairs.
        seed: of the draw.

    Returns:
        The pairs to learn from and those held out, in their order.

    Raises:
        DataError: if there is one source only.
    """
    sources = list(dict.fromkeys(pair.source for pair in pairs))
    if len(sources) < 2:
        raise DataError("one source is too few to hold some out: give more, or a file as --valid.")
    count = min(MOST_HELD_OUT, max(1, len(sources) // 10))
    drawn = np.random.default_rng(seed).choice(len(sources), count, replace=False)
    held = {sources[place] for place in drawn}
    return (
        [pair for pair in pairs if pair.source not in held],
        [pair for pair in pairs if pair.source in held],
    )


def _columns(file: str) -> Iterator[Pair]:
    for number, line in enumerate(read_lines(file), 1):
        columns = line.split("\t")
        if len(columns) == 2:
            yield Pair(*columns)
        elif line.strip():
            raise DataError(
                f"{source_name(file)}, line {number}: expected source<TAB>target, got "
                f"{len(columns)} columns: make it two, or give two files as --source and --target."
            )


def _side_by_side(source: str, target: str) -> Iterator[Pair]:
    if source == target == "-":
        raise DataError("standard input cannot be both source and target.")
    sources, targets = read_lines(source), read_lines(target)
    for lines, (first, second) in enumerate(zip_longest(sources, targets)):
        if first is None or second is None:
            more = 1 + sum(1 for _ in (targets if first is None else sources))
            counts = (lines, lines + more) if first is None else (lines + more, lines)
            raise DataError(
                f"{source_name(source)} has {counts[0]} lines and {source_name(target)} has "
                f"{counts[1]}: line by line one must be the translation of the other."
            )
        yield Pair(first, second)
