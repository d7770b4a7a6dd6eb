"""Questions and what they ask for: TREC, as Li & Roth 2002 distribute it."""

import re
from collections.abc import Iterator, Sequence

from elman.data.prepare.inputs import only_file, read_latin1_lines
from elman.data.prepare.item import HEADER, DataSet, Item, table_row
from elman.data.text import source_name
from elman.errors import DataError

_LINE = re.compile(r"([A-Z]+):(\w+) (.+)")


def _coarse(inputs: Sequence[str]) -> Iterator[Item]:
    for where, coarse, _, text in _questions(only_file(inputs)):
        yield table_row(text, coarse, where)


def _fine(inputs: Sequence[str]) -> Iterator[Item]:
    for where, coarse, fine, text in _questions(only_file(inputs)):
        yield table_row(text, f"{coarse}:{fine}", where)


def _questions(path: str) -> Iterator[tuple[str, str, str, str]]:
    """Give the place, both labels and the text of each question."""
    for number, line in enumerate(read_latin1_lines(path), 1):
        where = f"{source_name(path)}, line {number}"
        match = _LINE.fullmatch(line)
        if match is None:
            raise DataError(f"{where}: expected COARSE:fine and a question, got {line[:40]!r}.")
        coarse, fine, text = match.groups()
        yield where, coarse, fine, text.strip()


TREC = DataSet("TREC questions to 6 coarse classes", _coarse, "questions", HEADER)
TREC_FINE = DataSet("TREC questions to 50 fine classes", _fine, "questions", HEADER)
