"""Sentences with a tag a word, in the column formats of CoNLL."""

from collections.abc import Iterator
from typing import NamedTuple

from elman.data.text import Source, read_lines, source_name
from elman.errors import DataError

# The columns of CoNLL-U, which are separated by tabs and may hold spaces.
COLUMNS = ("id", "form", "lemma", "upos", "xpos", "feats", "head", "deprel", "deps", "misc")
DOCUMENT = "-DOCSTART-"
"""What a line between two documents begins with."""


class TaggedSentence(NamedTuple):
    """A sentence and the columns of its words.

    Args:
        words: the words.
        tags: the tag of each; empty if the file has words only.
        lines: the lines of the words as they stand in the file.
        numbers: of these lines in the file, from 1.
    """

    words: tuple[str, ...]
    tags: tuple[str, ...]
    lines: tuple[str, ...]
    numbers: tuple[int, ...]


def read_sentences(path: Source, column: str | None = None) -> Iterator[TaggedSentence]:
    """Streams the sentences of a file.

    CoNLL: columns separated by white space, the first is the word, the last the tag; lines that
    begin with `-DOCSTART-` are skipped. CoNLL-U, if a column is named: ten columns between tabs;
    comments, multi-word ranges and empty nodes are skipped. A blank line ends a sentence.

    Args:
        path: a UTF-8 file, compressed if its name ends in `.gz`, or `-` for standard input.
        column: the CoNLL-U column that holds the tags, such as `upos`; None for CoNLL.

    Yields:
        One sentence after the other; never an empty one.

    Raises:
        DataError: the file cannot be read, has no sentence, or a line has another number of
            columns than those before it; the column is unknown.
    """
    read = ColumnReader(source_name(path), column)
    for number, line in enumerate(read_lines(path), 1):
        if line.strip():
            read.line(line, number)
        elif read.words:
            yield read.sentence()
    if read.words:
        yield read.sentence()
    if not read.found:
        raise DataError(f"{read.name} has no sentence: give one word a line.")


class ColumnReader:
    """Gathers the words of one sentence after the other.

    Args:
        name: what the lines come from, in messages.
        column: the CoNLL-U column that holds the tags; None for CoNLL.

    Raises:
        DataError: if the column is unknown.
    """

    def __init__(self, name: str, column: str | None) -> None:
        if column is not None and column not in COLUMNS:
            raise DataError(f"unknown column {column!r}: CoNLL-U has {', '.join(COLUMNS)}.")
        self.name = name
        self.column = column
        self.width = 0 if column is None else len(COLUMNS)
        self.found = False
        self._begin()

    def _begin(self) -> None:
        self.words: list[str] = []
        self.tags: list[str] = []
        self.lines: list[str] = []
        self.numbers: list[int] = []

    def line(self, line: str, number: int) -> bool:
        """Take a line that is not blank.

        Args:
            line: without its line end.
            number: of the line, from 1.

        Returns:
            Whether it holds a word.

        Raises:
            DataError: if it has another number of columns than those before it.
        """
        if self.column is None:
            fields = line.split()
            if fields[0] == DOCUMENT:
                return False
            word, tag = fields[0], fields[-1]
        else:
            if line.startswith("#"):
                return False
            fields = line.split("\t")
        if len(fields) != (self.width or len(fields)):
            raise DataError(
                f"{self.name}, line {number}: expected {self.width} columns, got {len(fields)}."
            )
        if self.column is not None:
            if not fields[0].isdigit():  # a range such as 3-4, or an empty node such as 3.1
                return False
            word, tag = fields[1], fields[COLUMNS.index(self.column)]
        self.width = len(fields)
        self.words.append(word)
        self.lines.append(line)
        self.numbers.append(number)
        if self.width > 1:
            self.tags.append(tag)
        return True

    def sentence(self) -> TaggedSentence:
        """Give the sentence gathered, and begin the next."""
        self.found = True
        sentence = TaggedSentence(
            tuple(self.words), tuple(self.tags), tuple(self.lines), tuple(self.numbers)
        )
        self._begin()
        return sentence
