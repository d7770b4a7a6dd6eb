import gzip
import os

import pytest

from elman.data.word_similarity import ScoredPair, holds_scored_pairs, read_scored_pairs
from elman.errors import DataError


def write(tmp_path, text):
    path = tmp_path / "pairs.txt"
    path.write_text(text)
    return path


def test_pairs_are_two_words_and_a_number(tmp_path):
    path = write(tmp_path, "tiger\tcat\t7.35\nOld new -1e-1\n")
    assert read_scored_pairs(path) == [
        ScoredPair("tiger", "cat", 7.35),
        ScoredPair("Old", "new", -0.1),
    ]
    assert holds_scored_pairs(path)


@pytest.mark.parametrize(
    "text",
    ["a text\n", "EU NNP B-ORG\n", "a b c 1\n", "a b nan\n", "a b 1\n\nc d 2\n", "", "a b 1\nc\n"],
)
def test_other_files_hold_no_pairs(tmp_path, text):
    assert not holds_scored_pairs(write(tmp_path, text))


def test_what_cannot_be_read_again_is_left_alone(tmp_path):
    fifo = tmp_path / "pipe"
    os.mkfifo(fifo)  # opening it for reading would wait for a writer
    assert not holds_scored_pairs(fifo)
    assert not holds_scored_pairs("-")
    assert not holds_scored_pairs(tmp_path)
    assert not holds_scored_pairs(tmp_path / "missing.txt")
    (tmp_path / "bytes").write_bytes(b"\xff\x00")
    assert not holds_scored_pairs(tmp_path / "bytes")
    with gzip.open(tmp_path / "pairs.gz", "wt") as file:
        file.write("a b 1\n")
    assert holds_scored_pairs(tmp_path / "pairs.gz")


def test_a_later_line_that_is_no_pair_is_named(tmp_path):
    path = write(tmp_path, "a b 1\n" * 10 + "a b\n")
    assert holds_scored_pairs(path)
    with pytest.raises(DataError, match=r"pairs.txt, line 11: expected two words and a finite"):
        read_scored_pairs(path)


def test_published_files_are_pairs(data_folder):
    files = sorted((data_folder / "word_similarity").iterdir())
    assert all(map(holds_scored_pairs, files))
    counts = {path.stem: len(read_scored_pairs(path)) for path in files}
    assert (counts["EN-MC-30"], counts["EN-WS-353-ALL"], counts["EN-SIMLEX-999"]) == (30, 353, 999)
