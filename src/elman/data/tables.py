r"""Tables of texts and their labels: TSV, CSV and JSON lines.

- `.csv`: comma separated, `"` quotes fields.
- `.jsonl`: one object a line. A sequence of numbers may be a list of steps, each a number or a
  list of numbers.
- any other name, and standard input: separated by tabs, nothing is quoted.

`.gz` may follow each of them. The first line names the columns. Where it names neither the
column of texts nor that of labels, and a row has two columns, there is no such line: the columns
are the text and its label.

A sequence of numbers in a text has its steps separated by spaces, the numbers of a step by
commas: `0.1,0.2 0.3,0.4` are two steps of two numbers.
"""

import csv
import json
import math
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

from elman.data.text import Source, read_lines, source_name
from elman.errors import DataError

TEXT, LABEL = "text", "label"
"""The columns that are looked for, unless a person names others."""

_LARGEST = float(np.finfo(np.float32).max)


class LabelledText(NamedTuple):
    """A row of a table.

    Args:
        text: the text.
        label: its label.
        where: file and line, for messages.
    """

    text: str
    label: str
    where: str


def read_table(
    path: Source, text_column: str = TEXT, label_column: str = LABEL
) -> Iterator[LabelledText]:
    """Streams the rows of a table.

    Args:
        path: a UTF-8 file, or `-` for standard input.
        text_column: the column of texts.
        label_column: the column of labels.

    Yields:
        One row after the other; blank lines are passed over.

    Raises:
        DataError: the file cannot be read, has no rows, lacks a column, or a row has another
            number of columns than the first line, or no label (named by its line).
    """
    name, found = source_name(path), False
    kind = name.removesuffix(".gz").rpartition(".")[2]
    columns = text_column, label_column
    rows = _objects(path, columns) if kind == "jsonl" else _records(path, columns, kind == "csv")
    for text, label, number in rows:
        where = f"{name}, line {number}"
        if not label.strip():
            raise DataError(f"{where}: the text has no label: give it one, or remove the line.")
        found = True
        yield LabelledText(text, label.strip(), where)
    if not found:
        raise DataError(f"{name} has no rows: give a text and its label a line.")


def parse_sequence(text: str, where: str) -> Float[np.ndarray, "time features"]:
    """Reads a sequence of numbers.

    Args:
        text: steps separated by white space, the numbers of a step by commas.
        where: the place of the text, for messages.

    Returns:
        The numbers, float32; `[0, 0]` if there is no step.

    Raises:
        DataError: something is no finite number, or steps differ in how many they have.
    """
    steps = [step.split(",") for step in text.split()]
    width = len(steps[0]) if steps else 0
    for number, step in enumerate(steps, 1):
        if len(step) != width:
            raise DataError(
                f"{where}: step {number} has {len(step)} numbers, the first has {width}."
            )
    values = np.array([[_number(part, where) for part in step] for step in steps], dtype=np.float32)
    return values.reshape(len(steps), width)


def _number(part: str, where: str) -> float:
    try:
        value = float(part)
    except ValueError:
        value = math.nan
    if not abs(value) <= _LARGEST:
        raise DataError(
            f"{where}: {part!r} is not a finite number; expected steps such as 0.1,0.2 0.3,0.4."
        )
    return value


def _records(
    path: Source, columns: tuple[str, str], quoted: bool
) -> Iterator[tuple[str, str, int]]:
    """Streams texts and labels of a table with separated columns."""
    name = source_name(path)
    places: tuple[int, int] | None = None
    width = 0
    for fields, number in (_quoted_fields if quoted else _plain_fields)(path):
        if places is None:
            places, width = _find(fields, columns, name), len(fields)
            if places is not None:
                continue
            places = (0, 1)
        if len(fields) != width:
            raise DataError(f"{name}, line {number}: expected {width} columns, got {len(fields)}.")
        yield fields[places[0]], fields[places[1]], number


def _find(first: Sequence[str], columns: tuple[str, str], name: str) -> tuple[int, int] | None:
    """Find columns in the first line; None if it is no line of names."""
    names = [field.strip() for field in first]
    for column in columns:
        if column not in names:
            if len(names) == 2 and columns == (TEXT, LABEL) and not set(names) & {TEXT, LABEL}:
                return None
            raise _lacking(column, names, name)
    return names.index(columns[0]), names.index(columns[1])


def _lacking(column: str, names: Sequence[str], where: str) -> DataError:
    found = ", ".join(names[:20]) or "none"
    return DataError(
        f"{where} has no column {column!r}, but {found}: name one by --text-column or "
        "--label-column."
    )


def _plain_fields(path: Source) -> Iterator[tuple[list[str], int]]:
    for number, line in enumerate(read_lines(path), 1):
        if line.strip():
            yield line.split("\t"), number


def _quoted_fields(path: Source) -> Iterator[tuple[list[str], int]]:
    reader = csv.reader((line + "\n" for line in read_lines(path)), strict=True)
    number = 1
    while True:
        try:
            fields = _without_limit(reader.__next__)
        except StopIteration:
            return
        except csv.Error as error:
            raise DataError(f"{source_name(path)}, line {number}: not CSV ({error}).") from None
        if "".join(fields).strip():
            yield fields, number
        number = reader.line_num + 1


def _without_limit(read: Callable[[], list[str]]) -> list[str]:
    """Read with no limit to the length of a field, which the module keeps for all its readers."""
    limit = csv.field_size_limit(sys.maxsize)
    try:
        return read()
    finally:
        csv.field_size_limit(limit)


def _objects(path: Source, columns: tuple[str, str]) -> Iterator[tuple[str, str, int]]:
    """Streams texts and labels of JSON objects."""
    for number, line in enumerate(read_lines(path), 1):
        if not line.strip():
            continue
        where = f"{source_name(path)}, line {number}"
        try:
            found = json.loads(line)
        except ValueError as error:
            raise DataError(f"{where}: not a JSON object ({error}).") from None
        if not isinstance(found, dict):
            raise DataError(f"{where}: expected a JSON object, got {line.strip()[:40]!r}.")
        for column in columns:
            if column not in found:
                raise _lacking(column, list(found), where)
        text, label = (found[column] for column in columns)
        if not isinstance(label, str | int | float):
            raise DataError(f"{where}: the label must be a text or a number, got {label!r}.")
        yield _written(text, where), str(label), number


def _written(text: Any, where: str) -> str:
    """Write what an object holds as text."""
    if isinstance(text, str):
        return text
    if not isinstance(text, list):
        raise DataError(f"{where}: expected a text or a list of steps, got {str(text)[:40]!r}.")
    steps = (step if isinstance(step, list) else [step] for step in text)
    return " ".join(",".join(map(str, step)) for step in steps)
