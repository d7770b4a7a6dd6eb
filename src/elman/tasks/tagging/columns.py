"""Files in columns to be tagged: what stands in them comes back with a column more."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, repeat
from typing import NamedTuple

from elman.data.conll import DOCUMENT, ColumnReader, TaggedSentence
from elman.data.tag_schemes import OUTSIDE
from elman.errors import DataError

EMPTY = "_"
"""Stands where a line has no tag."""


class Block(NamedTuple):
    """The lines from one blank line to the next.

    Args:
        lines: as they stand in the file, comments too.
        places: which of them hold words.
        sentence: the words; there may be none.
    """

    lines: tuple[str, ...]
    places: tuple[int, ...]
    sentence: TaggedSentence


def read_blocks(lines: Iterable[str], name: str, column: str | None) -> Iterator[Block]:
    """Read a file in columns with nothing left out.

    Args:
        lines: of the file.
        name: of the file, in messages.
        column: of a CoNLL-U file that holds the tags; None for CoNLL.

    Yields:
        Its blocks, each with at least one line.

    Raises:
        DataError: if a line has another number of columns than those before it, or there is no
            word at all.
    """
    read = ColumnReader(name, column)
    kept: list[str] = []
    places: list[int] = []
    found = False
    for number, line in enumerate(chain(lines, [""]), 1):
        if line.strip():
            if read.line(line, number):
                places.append(len(kept))
            kept.append(line)
        elif kept:
            found = found or bool(places)
            yield Block(tuple(kept), tuple(places), read.sentence())
            kept, places = [], []
    if not found:
        raise DataError(f"{name} has no sentence: give one word a line.")


def add_columns(block: Block, columns: Sequence[Sequence[str]]) -> str:
    """Write a block with further columns.

    Args:
        block: the block.
        columns: a tag a word each.

    Returns:
        Its lines; comments as they were.
    """
    tags = dict(zip(block.places, zip(*columns, strict=True), strict=True))
    written = []
    for place, line in enumerate(block.lines):
        divider = "\t" if "\t" in line else " "
        if place not in tags and line.startswith("#"):
            written.append(line)
            continue
        filler = OUTSIDE if line.startswith(DOCUMENT) else EMPTY
        more = tags.get(place) or tuple(repeat(filler, len(columns)))
        written.append(divider.join((line.rstrip(" "), *more)))
    return "\n".join(written)
