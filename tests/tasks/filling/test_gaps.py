"""Measures and fillers against one gap at a time."""

import numpy as np
import pytest
import torch

from elman.metrics import filling_summary
from elman.tasks.filling import gaps, join_sentences
from elman.tasks.filling.gaps import GappedSentence, fill, measure


def one_by_one(task, words):
    """Log-probabilities of all words in each gap, the word in it replaced by another."""
    tables = []
    for place in range(len(words)):
        hidden = np.array(words)
        hidden[place] = task.tokenizer.unknown
        inputs = join_sentences([hidden], task.tokenizer.boundary).inputs
        with torch.no_grad():
            tables.append(task.model.softmax.log_probs(task.model(inputs)[0][place, 0]).numpy())
    return np.stack(tables)


@pytest.mark.parametrize("softmax", ["full", "adaptive"])
def test_measures_agree_with_one_gap_at_a_time(make_task, monkeypatch, softmax):
    task, data = make_task(softmax=softmax, num_layers=2)
    log_probs, ranks = [], []
    for words in data.valid:
        for table, word in zip(one_by_one(task, words), words, strict=True):
            log_probs.append(table[word])
            ranks.append(1 + sorted(table, reverse=True).index(table[word]))
    expected = filling_summary(np.array(log_probs), np.array(ranks), sentences=5)
    found = task.evaluate(data.valid)
    assert found == pytest.approx(expected, rel=1e-5)
    monkeypatch.setattr(gaps, "WORDS_AT_ONCE", 1)
    monkeypatch.setattr(gaps, "LARGEST_TABLE", 1)
    in_pieces = measure(task.model, data.valid, task.tokenizer.boundary, task.device)
    assert in_pieces == pytest.approx(expected, rel=1e-5)


def test_fillers_are_the_most_probable_words(make_task, monkeypatch):
    task, data = make_task()
    asked = [GappedSentence(data.valid[0], [4, 0]), GappedSentence(data.valid[3], [0])]
    asked.append(GappedSentence(data.valid[1], [5]))
    size = task.tokenizer.vocabulary_size

    def check(count):
        found = fill(task.model, asked, task.tokenizer.boundary, count, task.device)
        for (words, places), fillers in zip(asked, found, strict=True):
            expected = np.exp(one_by_one(task, words)[places])
            assert fillers.probabilities.shape == (len(places), count)
            assert np.allclose(fillers.probabilities, -np.sort(-expected)[:, :count], rtol=1e-5)
            chosen = np.take_along_axis(expected, fillers.words, axis=1)
            assert np.allclose(fillers.probabilities, chosen, rtol=1e-5)
        return found

    whole = check(size)
    assert all(np.isclose(fillers.probabilities.sum(1), 1).all() for fillers in whole)
    monkeypatch.setattr(gaps, "WORDS_AT_ONCE", 1)
    monkeypatch.setattr(gaps, "LARGEST_TABLE", 1)
    check(3)
