"""Sentences out of a text, and put side by side."""

import numpy as np
import pytest

from elman.data import Corpus, Tokenizer
from elman.errors import DataError
from elman.tasks.filling import Sentences, join_sentences


def sentences(tmp_path, text):
    path = tmp_path / "text.txt"
    path.write_text(text)
    tokenizer = Tokenizer.train(text.split("\n"), "word", None)
    return Corpus.build([path], tokenizer, tmp_path / "corpus", workers=1), tokenizer


def test_every_line_with_words_is_a_sentence(tmp_path, lines):
    corpus, tokenizer = sentences(tmp_path, "\n".join(lines))
    found = Sentences(corpus)
    assert [tokenizer.decode(ids) for ids in found] == [line for line in lines if line]
    assert found.lengths.tolist() == [len(ids) for ids in found] == [6, 6, 7, 1, 7]


def test_parts_of_a_text_have_their_own_sentences(tmp_path, lines):
    corpus, tokenizer = sentences(tmp_path, "\n".join(lines) + "\n")
    parts = [[tokenizer.decode(ids) for ids in Sentences(part)] for part in corpus.split(0.4)]
    assert parts[0] + parts[1] == [line for line in lines if line]
    assert all(parts)


def test_a_text_without_words_is_refused(tmp_path):
    corpus, _ = sentences(tmp_path, "\n \n")
    with pytest.raises(DataError, match="the text has no words: give one with a sentence a line"):
        Sentences(corpus)


def test_sentences_stand_between_boundaries():
    batch = join_sentences([np.array([4]), np.array([5, 6, 7])], 9)
    assert batch.inputs.ids.T.tolist() == [[9, 4, 9, 9, 9], [9, 5, 6, 7, 9]]
    assert batch.targets.T.tolist() == [[4, 9, 9], [5, 6, 7]]
    assert batch.lengths.tolist() == [1, 3]
    assert (batch.rows, batch.target_count) == (2, 4)
