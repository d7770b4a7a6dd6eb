"""Words and their pronunciation: CMUdict as g2p experiments split it."""

from collections.abc import Iterator, Sequence

from elman.data.prepare.inputs import only_file
from elman.data.prepare.item import DataSet, Item
from elman.data.text import read_lines, source_name
from elman.errors import DataError


def _words(inputs: Sequence[str]) -> Iterator[Item]:
    path = only_file(inputs)
    for number, line in enumerate(read_lines(path), 1):
        word, tab, phones = line.partition("\t")
        if not (word.strip() and tab and phones.split()) or "\t" in phones:
            raise DataError(
                f"{source_name(path)}, line {number}: expected a word, a tab and phones with "
                f"spaces between them, got {line[:40]!r}."
            )
        yield Item(f"{word.strip()}\t{' '.join(phones.split())}")


G2P = DataSet("WORD<TAB>PHONES, checked", _words, "pronunciations")
