"""English sentences and their French translations: Tatoeba's pairs as manythings.org has them."""

import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import IO

from elman.data.prepare.inputs import only_file
from elman.data.prepare.item import DataSet, Item
from elman.data.prepare.shuffle import shuffled
from elman.data.text import open_bytes, read_lines, source_name
from elman.errors import DataError


def _pairs(inputs: Sequence[str]) -> Iterator[Item]:
    """Give the pairs, each once, mixed, for neighbours in the file are near paraphrases."""
    path = only_file(inputs)
    lines = _zipped_lines(path) if path.endswith(".zip") else _plain_lines(path)
    rows = dict.fromkeys(_row(line, where) for where, line in lines if line.strip())
    yield from shuffled(map(Item, rows))


def _row(line: str, where: str) -> str:
    columns = [column.strip() for column in line.split("\t")]
    # Files of later years say in a third column whose sentences these are.
    if len(columns) not in (2, 3) or not (columns[0] and columns[1]):
        raise DataError(f"{where}: expected English<TAB>French, got {line[:40]!r}.")
    return f"{columns[0]}\t{columns[1]}"


def _plain_lines(path: str) -> Iterator[tuple[str, str]]:
    for number, line in enumerate(read_lines(path), 1):
        yield f"{source_name(path)}, line {number}", line


def _zipped_lines(path: str) -> Iterator[tuple[str, str]]:
    """Give the place and the text of each line of the table in a zip file."""
    with _opened(path) as (name, table):
        for number, raw in enumerate(table, 1):
            where = f"{path}, {name}, line {number}"
            try:
                line = raw.decode("utf-8-sig" if number == 1 else "utf-8")
            except UnicodeDecodeError:
                raise DataError(f"{where}: not valid UTF-8.") from None
            yield where, line.rstrip("\r\n")


@contextmanager
def _opened(path: str) -> Iterator[tuple[str, IO[bytes]]]:
    """Open the table in a zip file."""
    with open_bytes(path) as stream:
        try:
            with zipfile.ZipFile(stream) as archive:
                name = _table_of(archive, path)
                with archive.open(name) as table:
                    yield name, table
        # RuntimeError: it asks for a password, or is compressed in a way that is not known.
        except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError) as error:
            raise DataError(f"{path}: not a zip file, or a damaged one ({error}).") from None


def _table_of(archive: zipfile.ZipFile, path: str) -> str:
    """Find the one text in the archive whose name does not start with `_`, as `_about.txt`."""
    names = archive.namelist()
    tables = [name for name in names if name.endswith(".txt") and not name.startswith("_")]
    if len(tables) != 1:
        raise DataError(
            f"{path}: expected one table in it, such as fra.txt, got {len(tables)} "
            f"(it holds {', '.join(names[:5]) or 'nothing'})."
        )
    return tables[0]


TATOEBA = DataSet(
    "fra-eng.zip, or fra.txt, to English<TAB>French; each pair once, shuffled", _pairs, "pairs"
)
