import gzip

import pytest
import torch

from elman.errors import ConfigError, DataError
from elman.tasks.language_model import LanguageModelConfig
from elman.tasks.language_model.reading import read_text
from elman.tasks.task import Batching, Sources

BATCHING = Batching(batch_size=1, unroll=4, carried=True, seed=1)
LINES = [f"line {number} of some text" for number in range(30)]


@pytest.fixture
def files(tmp_path):
    (tmp_path / "a.txt").write_text("\n".join(LINES[:10]) + "\n")
    (tmp_path / "b.txt.gz").write_bytes(gzip.compress(("\n".join(LINES[10:]) + "\n").encode()))
    (tmp_path / "valid.txt").write_text("line 9 of text\n")
    (tmp_path / "run").mkdir()
    return tmp_path


def read(files, sources=("a.txt", "b.txt.gz"), valid=None, **settings):
    names = tuple(str(files / name) for name in sources)
    found = Sources(names, valid and str(files / valid))
    return read_text(LanguageModelConfig(**settings), files / "run", found, BATCHING)


@pytest.mark.parametrize("unit", ["char", "word", "bpe"])
def test_the_last_tenth_is_held_out_at_a_line_end(files, unit):
    data = read(files, unit=unit).data
    decode = data.tokenizer.decode
    text = decode(data.train.tokens) + decode(data.valid.tokens)
    assert text == "\n".join(LINES) + "\n"
    assert decode(data.train.tokens).endswith("\n")
    share = len(data.valid.tokens) / (len(data.train.tokens) + len(data.valid.tokens))
    assert 0.05 < share <= 0.12


def test_a_validation_file_is_used_whole_and_teaches_no_word(files):
    (files / "valid.txt").write_text("line 9 of novel\n")
    data = read(files, unit="word", valid="valid.txt").data
    assert data.tokenizer.decode(data.valid.tokens) == "line 9 of <unk>\n"
    assert data.train.lines == 30


def test_what_was_prepared_is_found_again(files):
    first = read(files, unit="word")
    (files / "a.txt").unlink()
    again = read(files, unit="word")
    assert again.data.train.tokens.tolist() == first.data.train.tokens.tolist()
    assert again.data.tokenizer.vocabulary_size == first.data.tokenizer.vocabulary_size


def test_vectors_of_a_file_start_the_known_words(files):
    (files / "v.txt").write_text("line 1 0 2\ntext 0 3 1\nelsewhere 9 9 9\n")
    settings = {"unit": "word", "vectors": str(files / "v.txt")}
    torch.manual_seed(1)
    prepared = read(files, embedding_size=3, **settings)
    tokenizer = prepared.data.tokenizer
    line, text, other = (int(tokenizer.encode(word)[0]) for word in ("line", "text", "of"))
    assert prepared.vectors[line].tolist() == [1, 0, 2]
    assert prepared.vectors[text].tolist() == [0, 3, 1]
    assert 0 < float(prepared.vectors[other].abs().max()) < 9
    with pytest.raises(ConfigError, match="vectors of 3 numbers: give --embedding-size 3"):
        read(files, embedding_size=4, **settings)


def test_vectors_of_one_known_word_leave_finite_and_different_numbers(files):
    (files / "v.txt").write_text("line 1 0 2\n")
    settings = {"unit": "word", "vectors": str(files / "v.txt"), "embedding_size": 3}
    found = read(files, **settings).vectors
    assert bool(found.isfinite().all())
    assert len({tuple(row) for row in found.tolist()}) == len(found)


def test_unreadable_text_is_named(files):
    with pytest.raises(DataError, match=r"none\.txt: no such file"):
        read(files, sources=("a.txt", "none.txt"))
