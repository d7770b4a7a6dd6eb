"""Sentences by their length."""

from collections.abc import Iterator, Sequence
from itertools import count
from typing import NamedTuple

MOST = 8
"""Groups at most."""
USUAL_SHARE = 0.99
"""Share of the sentences that all groups but the last, which is open, are wide enough for."""


class LengthGroup(NamedTuple):
    """Sentences of similar length.

    Args:
        name: the lengths, such as 6-10.
        rows: which sentences.
    """

    name: str
    rows: list[int]


def group_by_length(lengths: Sequence[int]) -> list[LengthGroup]:
    """Group sentences by length, in steps of 1, 2, 5, 10, 20, ... tokens.

    Args:
        lengths: tokens of each sentence.

    Returns:
        The groups that are not empty, at most `MOST`, the shortest first. What no other group
        holds is in the last.
    """
    usual = sorted(lengths)[int(USUAL_SHARE * (len(lengths) - 1))]
    step = next(step for step in _steps() if step * (MOST - 1) >= usual)
    groups: list[list[int]] = [[] for _ in range(MOST)]
    for row, length in enumerate(lengths):
        groups[min(max(length - 1, 0) // step, MOST - 1)].append(row)
    names = [_name(place * step + 1, step) for place in range(MOST - 1)]
    names.append(f"{(MOST - 1) * step + 1}+")
    return [LengthGroup(name, rows) for name, rows in zip(names, groups, strict=True) if rows]


def _steps() -> Iterator[int]:
    return (leading * 10**zeros for zeros in count() for leading in (1, 2, 5))


def _name(first: int, step: int) -> str:
    return str(first) if step == 1 else f"{first}-{first + step - 1}"
