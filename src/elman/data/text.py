"""Reading raw text: UTF-8 files, gzip files and standard input, as lines or as blocks of lines."""

import gzip
import os
import re
import sys
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import BufferedIOBase
from typing import NamedTuple, TypeAlias, cast

from elman.errors import DataError

Source: TypeAlias = str | os.PathLike[str]

BLOCK_BYTES = 1 << 20
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
# Cutting a long line in front of such a space keeps words, and byte-level pieces, whole.
_SPACE_BETWEEN_WORDS = re.compile(rb"(?<=[0-9A-Za-z]) (?=[0-9A-Za-z])")
_SEARCHED_FOR_SPACE = 4096


class Block(NamedTuple):
    """A stretch of text that ends at a line end, or between two words of a very long line.

    Attributes:
        text: the characters; lines end with a newline alone.
        line: number of the line it starts in, counted from 1 at the start of the span read.
    """

    text: str
    line: int


class Span(NamedTuple):
    """Bytes `start` (included) to `stop` (excluded) of a plain file, both at line starts."""

    start: int
    stop: int


def source_name(path: Source) -> str:
    """Names a source in messages.

    Args:
        path: a file name, or `-` for standard input.

    Returns:
        The path itself, or `standard input`.
    """
    return "standard input" if str(path) == "-" else str(path)


def is_plain(path: Source) -> bool:
    """Tells whether a source is an uncompressed file, which can be read from any place in it.

    Args:
        path: a file name, or `-` for standard input.
    """
    return str(path) != "-" and not str(path).endswith(".gz")


@contextmanager
def open_bytes(path: Source) -> Iterator[BufferedIOBase]:
    """Opens a source for reading; names ending in `.gz` are decompressed.

    Args:
        path: a file name, or `-` for standard input.

    Yields:
        The (decompressed) byte stream.

    Raises:
        DataError: the file is missing, a folder, unreadable, or damaged gzip.
    """
    name = source_name(path)
    try:
        if str(path) == "-":
            yield cast(BufferedIOBase, sys.stdin.buffer)
        elif is_plain(path):
            with open(path, "rb") as stream:
                yield stream
        else:
            with gzip.open(path, "rb") as stream:
                yield stream
    except FileNotFoundError:
        raise DataError(f"{name}: no such file.") from None
    except IsADirectoryError:
        raise DataError(f"{name} is a folder: give the text files in it.") from None
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(f"{name}: not a gzip file, or a damaged one ({error}).") from None
    except OSError as error:
        raise DataError(f"{name}: cannot be read ({error.strerror or error}).") from None


def read_lines(path: Source) -> Iterator[str]:
    r"""Streams the lines of a text without their line ends (a newline, or CR and newline).

    Only the newline ends a line, so `"\n".join(lines)` is the text again but for a newline at
    its very end and for the CR of CR-newline pairs.

    Args:
        path: a UTF-8 file, gzip-compressed if its name ends in `.gz`, or `-` for standard input.

    Yields:
        One line after the other; memory holds about a megabyte, or the longest line.

    Raises:
        DataError: see `read_blocks`.
    """
    unfinished: list[str] = []
    for block in read_blocks(path):
        *lines, rest = block.text.split("\n")
        if lines:
            lines[0] = "".join(unfinished) + lines[0]
            unfinished = []
            yield from lines
        if rest:
            unfinished.append(rest)
    if unfinished:
        yield "".join(unfinished)


def lines_of(sources: Sequence[Source]) -> Iterator[str]:
    """Streams the lines of several texts one after the other.

    Args:
        sources: files as `read_lines` takes them.

    Yields:
        The lines, without line ends.

    Raises:
        DataError: see `read_blocks`.
    """
    for path in sources:
        yield from read_lines(path)


def read_blocks(
    path: Source, span: Span | None = None, block_bytes: int = BLOCK_BYTES
) -> Iterator[Block]:
    """Streams a text in blocks of about `block_bytes` that are cut at line ends.

    A byte order mark at the start is dropped and CR-newline becomes newline. A line longer than
    a block is cut between two words of ASCII letters or digits where it has such a place.

    Args:
        path: a file name, or `-` for standard input.
        span: the part of a plain file to read; everything if None.
        block_bytes: bytes read at a time.

    Yields:
        The blocks, in order; their texts are never empty.

    Raises:
        DataError: the source cannot be opened, is empty, holds a zero byte or invalid UTF-8
            (with line and byte offset, counted from 0 in the decompressed text), or is damaged
            gzip.
    """
    lines_read = 0
    offset = span.start if span else 0
    seen = offset > 0
    with open_bytes(path) as stream:
        for data in _cut_at_line_ends(stream, span, block_bytes):
            skipped = len(_BYTE_ORDER_MARK) if offset == 0 and _starts_with_mark(data) else 0
            text = _decode(data[skipped:], path, offset + skipped, lines_read, span)
            if text:
                seen = True
                yield Block(text, lines_read + 1)
            lines_read += data.count(b"\n")
            offset += len(data)
    if not seen:
        raise DataError(f"{source_name(path)} is empty: give a text with at least one character.")


def count_lines(path: Source, stop: int) -> int:
    """Counts the line ends in the first bytes of a plain file.

    Args:
        path: the file.
        stop: how many bytes to look at.

    Returns:
        The number of newlines before byte `stop`.
    """
    lines = 0
    with open_bytes(path) as stream:
        while stop > 0 and (data := stream.read(min(stop, BLOCK_BYTES))):
            lines += data.count(b"\n")
            stop -= len(data)
    return lines


def _starts_with_mark(data: bytes) -> bool:
    return data.startswith(_BYTE_ORDER_MARK)


def _cut_at_line_ends(
    stream: BufferedIOBase, span: Span | None, block_bytes: int
) -> Iterator[bytes]:
    left = sys.maxsize
    if span:
        stream.seek(span.start)
        left = span.stop - span.start
    pending = bytearray()
    while left > 0 and (data := stream.read(min(block_bytes, left))):
        left -= len(data)
        cut = data.rfind(b"\n") + 1
        if cut:
            yield bytes(pending) + data[:cut]
            pending = bytearray(data[cut:])
            continue
        pending += data
        if len(pending) >= block_bytes and (cut := _last_space(pending)):
            yield bytes(pending[:cut])
            del pending[:cut]
    if pending:
        yield bytes(pending)


def _last_space(data: bytearray) -> int:
    """Returns the last place between two words near the end of `data`, 0 if there is none."""
    cut = 0
    for match in _SPACE_BETWEEN_WORDS.finditer(data, max(0, len(data) - _SEARCHED_FOR_SPACE)):
        cut = match.start()
    return cut


def _decode(data: bytes, path: Source, offset: int, lines: int, span: Span | None) -> str:
    """Decodes a block that starts at byte `offset`, `lines` line ends into the span."""
    zero = data.find(0)
    try:
        if zero < 0:
            return data.decode("utf-8").replace("\r\n", "\n")
        wrong, what = zero, "is zero: this is not UTF-8 text but a binary or UTF-16 file."
    except UnicodeDecodeError as error:
        wrong = error.start
        what = f"(0x{data[wrong]:02x}) is not valid UTF-8: convert the file to UTF-8."
    if span:
        lines += count_lines(path, span.start)
    line = lines + data.count(b"\n", 0, wrong) + 1
    raise DataError(f"{source_name(path)}, line {line}: byte {offset + wrong} {what}")
