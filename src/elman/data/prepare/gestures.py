"""Hand gestures: where a finger tip was in 16 video frames (Takahashi)."""

import math
from collections.abc import Iterator, Sequence

from elman.data.prepare.item import HEADER, DataSet, Item, table_row
from elman.data.prepare.shuffle import shuffled
from elman.data.text import read_lines, source_name
from elman.errors import DataError

STEPS = 16
"""Frames of a gesture; each has two coordinates."""


def _gestures(inputs: Sequence[str]) -> Iterator[Item]:
    if len(inputs) not in (1, 2):
        raise DataError(
            f"expected the file of points, and possibly that of labels, got {len(inputs)} files."
        )
    labels = [name.strip() for name in read_lines(inputs[1])] if len(inputs) == 2 else None
    yield from shuffled(_in_file_order(inputs[0], labels))


def _in_file_order(path: str, labels: Sequence[str] | None) -> Iterator[Item]:
    for number, line in enumerate(read_lines(path), 1):
        if line.strip():
            yield _gesture(line, labels, f"{source_name(path)}, line {number}")


def _gesture(line: str, labels: Sequence[str] | None, where: str) -> Item:
    label, *numbers = (field.strip() for field in line.split(","))
    if len(numbers) != 2 * STEPS:
        raise DataError(
            f"{where}: expected a class and {2 * STEPS} numbers, got {len(numbers)} numbers."
        )
    for field in numbers:
        if not _is_number(field):
            raise DataError(f"{where}: {field!r} is no number.")
    if not label.isdecimal():
        raise DataError(f"{where}: {label!r} is no class: expected a whole number from 0.")
    if labels is not None:
        if int(label) >= len(labels):
            raise DataError(f"{where}: class {label}, and the labels name {len(labels)}.")
        label = labels[int(label)]
    steps = (f"{x},{y}" for x, y in zip(numbers[::2], numbers[1::2], strict=True))
    return table_row(" ".join(steps), label, where)


def _is_number(field: str) -> bool:
    try:
        return math.isfinite(float(field))
    except ValueError:
        return False


GESTURES = DataSet(
    "point_history.csv [labels.csv] to a table of steps `x,y x,y ...`, shuffled",
    _gestures,
    "gestures",
    HEADER,
)
