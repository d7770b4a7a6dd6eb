"""The files that a person names as inputs: those given, and those in the folders given."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from elman.data.text import BLOCK_BYTES, open_bytes, source_name
from elman.errors import DataError


def files_of(inputs: Sequence[str], ending: str = ".txt") -> list[str]:
    """Find the input files.

    Args:
        inputs: files, or folders, which stand for their files.
        ending: of the names of the files that are taken from a folder.

    Returns:
        The files in the order of the inputs; those of a folder by name, numbers by their size.

    Raises:
        DataError: if a folder has no such file.
    """
    files: list[str] = []
    for name in inputs:
        if not Path(name).is_dir():
            files.append(name)
            continue
        found = sorted(map(str, Path(name).glob(f"*{ending}")), key=_by_number)
        if not found:
            raise DataError(f"{name} has no file whose name ends in {ending}.")
        files += found
    return files


def only_file(inputs: Sequence[str]) -> str:
    """Return the input of a data set that is one file.

    Args:
        inputs: the inputs.

    Raises:
        DataError: if there are more.
    """
    if len(inputs) != 1:
        raise DataError(f"one input file is expected, got {len(inputs)}.")
    return inputs[0]


def read_latin1_lines(path: str) -> Iterator[str]:
    """Stream the lines of a Latin-1 text without their line ends.

    Args:
        path: a file, compressed if its name ends in `.gz`, or `-` for standard input.

    Yields:
        The lines.

    Raises:
        DataError: the file cannot be read, is empty, or is UTF-8 text beyond ASCII.
    """
    unfinished, seen = b"", False
    with open_bytes(path) as stream:
        while block := stream.read(BLOCK_BYTES):
            seen = True
            *lines, unfinished = (unfinished + block).split(b"\n")
            yield from (_decoded(line, path) for line in lines)
    if unfinished:
        yield _decoded(unfinished, path)
    if not seen:
        raise DataError(f"{source_name(path)} is empty.")


def _decoded(line: bytes, path: str) -> str:
    if not line.isascii() and _is_utf8(line):
        raise DataError(
            f"{source_name(path)} is UTF-8: expected Latin-1, as the data set is distributed."
        )
    return line.decode("latin-1").rstrip("\r")


def _is_utf8(line: bytes) -> bool:
    """Tell text that was converted; hardly any Latin-1 text is UTF-8 by chance."""
    try:
        line.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _by_number(path: str) -> list[str]:
    return [part.zfill(9) if part.isdigit() else part for part in re.split(r"(\d+)", path)]
