"""Surnames by language: a file a language, a name a line (Robertson's PyTorch tutorial)."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from elman.data.prepare.inputs import files_of
from elman.data.prepare.item import HEADER, DataSet, Item, table_row
from elman.data.prepare.shuffle import shuffled
from elman.data.text import read_lines
from elman.errors import DataError


def _names(inputs: Sequence[str]) -> Iterator[Item]:
    files = files_of(inputs)
    if len(files) < 2:
        raise DataError("one language is too few to tell apart: give the folder, or its files.")
    yield from shuffled(_in_file_order(files))


def _in_file_order(files: Sequence[str]) -> Iterator[Item]:
    for path in files:
        language = Path(path).name.partition(".")[0]
        for number, line in enumerate(read_lines(path), 1):
            if line.strip():
                yield table_row(line.strip(), language, f"{path}, line {number}")


SURNAMES = DataSet(
    "files Language.txt with a name a line to a table, shuffled", _names, "names", HEADER
)
