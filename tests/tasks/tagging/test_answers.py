"""Answers to many sentences, against each sentence alone and against every sequence of tags."""

import itertools

import numpy as np
import pytest
import torch

from elman.tasks.tagging import answers

KINDS = [("rnn", "crf"), ("rnn", "softmax"), ("mlp", "crf"), ("hmm", "crf")]
WORDS = [["Peter", "left", "Delft"], ["no"], ["the", "EU", "rejects", "Peter", "Blackburn", "."]]


@pytest.mark.parametrize(("model", "output"), KINDS)
def test_a_sentence_is_answered_as_if_it_were_alone(make_task, monkeypatch, model, output):
    task = make_task(model, output)
    together = list(task.answer(WORDS, probabilities=True, paths=2))
    monkeypatch.setattr(answers, "LOOKED_UP_AT_ONCE", 1)
    monkeypatch.setattr(answers, "READ_AHEAD", 1)
    for answer, words in zip(together, WORDS, strict=True):
        (alone,) = task.answer([words], probabilities=True, paths=2)
        np.testing.assert_array_equal(answer.paths[0], alone.paths[0])
        np.testing.assert_allclose(answer.log_probabilities, alone.log_probabilities, atol=1e-5)
        np.testing.assert_allclose(answer.probabilities, alone.probabilities, atol=1e-5)


@torch.no_grad()
def reference(task, words):
    """Log-probability of every sequence of tags, from the scores of the model by definition."""
    vectors = task._look_up(words).unsqueeze(1)
    scores = task.model.score(vectors, torch.tensor([len(words)]))[:, 0].double()
    tags = range(scores.shape[1])
    chain = task.model.chain if task.is_counted else task.model.crf
    start, between, end = torch.zeros(len(tags)), torch.zeros(len(tags), len(tags)), None
    if chain is not None:
        start = (chain.start + chain.start_barrier).double()
        between = (chain.forward_cell.transitions + chain.forward_cell.barrier).double()
        end = (chain.end + chain.end_barrier).double()
    totals = {}
    for path in itertools.product(tags, repeat=len(words)):
        total = start[path[0]] + sum(scores[t, tag] for t, tag in enumerate(path))
        total = total + sum(between[a, b] for a, b in itertools.pairwise(path))
        totals[path] = float(total + (0.0 if end is None else end[path[-1]]))
    partition = np.logaddexp.reduce(list(totals.values()))
    return {path: total - partition for path, total in totals.items()}


@pytest.mark.parametrize(("model", "output"), KINDS)
def test_the_best_sequences_are_those_of_all_and_have_their_probabilities(make_task, model, output):
    task, words = make_task(model, output), WORDS[0]
    (answer,) = task.answer([words], probabilities=True, paths=4)
    every = reference(task, words)
    ranked = sorted(every, key=every.get, reverse=True)[:4]
    assert [tuple(path) for path in answer.paths.tolist()] == ranked
    expected = [every[path] for path in ranked]
    np.testing.assert_allclose(answer.log_probabilities, expected, atol=1e-5)
    shares = np.zeros_like(answer.probabilities)
    for path, total in every.items():
        shares[range(len(words)), path] += np.exp(total)
    np.testing.assert_allclose(answer.probabilities, shares, atol=1e-5)


def test_no_more_is_read_ahead_than_said(make_task, monkeypatch):
    monkeypatch.setattr(answers, "WORDS_AHEAD", 6)
    read = []

    def sentences():
        for number in range(9):
            read.append(number)
            yield ["Peter", "left"]

    found = make_task("hmm").answer(sentences())
    next(found)
    assert read == [0, 1, 2]
    assert len(list(found)) == 8


def test_each_distinct_word_is_looked_up_once(make_task, monkeypatch):
    task, seen = make_task("rnn"), []
    look_up = task.model.look_up

    def note(words):
        seen.append(len(words))
        return look_up(words)

    monkeypatch.setattr(task.model, "look_up", note)
    list(task.answer([["a", "b", "a"]] * 5 + [["b", "c"]]))
    assert sum(seen) == 3
