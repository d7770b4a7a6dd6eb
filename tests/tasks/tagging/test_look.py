import numpy as np
import pytest

from elman.nn.crf import Allowed, LinearChainCRF
from elman.tasks.tagging.look import look_at_words, transition_weights


def test_weights_are_framed_by_start_and_end(make_task):
    import torch

    between = torch.tensor([[True, False], [True, True]])
    crf = LinearChainCRF(2, allowed=Allowed(between[0], between, between[1]))
    with torch.no_grad():
        crf.start.copy_(torch.tensor([1.0, 2.0]))
        crf.end.copy_(torch.tensor([3.0, 4.0]))
        crf.forward_cell.transitions.copy_(torch.tensor([[5.0, 6.0], [7.0, 8.0]]))
    expected = [[1, np.nan, np.nan], [5, np.nan, 3], [7, 8, 4]]
    np.testing.assert_array_equal(transition_weights(crf), expected)


@pytest.mark.parametrize("model", ["rnn", "hmm"])
def test_the_least_certain_words_come_first(make_task, sentences, model):
    task = make_task(model)
    names = list(task.vocabulary.tags)
    own = [s._replace(tags=task.vocabulary.inside(s.tags)) for s in sentences]
    answers = list(task.answer([s.words for s in own], probabilities=True))
    doubts, confused = look_at_words(zip(own, answers, strict=True), names)
    rows = {row["line"]: row for row in doubts.rows}
    assert len(rows) == sum(len(s.words) for s in sentences)
    chosen = [row["probability"] for row in doubts.rows]
    assert chosen == sorted(chosen)
    wrong = 0
    for sentence, answer in zip(own, answers, strict=True):
        for place, line in enumerate(sentence.numbers):
            shares, tag = answer.probabilities[place], answer.tags[place]
            row = rows[line]
            assert (row["word"], row["true"]) == (sentence.words[place], sentence.tags[place])
            assert row["tag"] == names[tag]
            assert row["probability"] == pytest.approx(shares[tag], abs=1e-4)
            others = np.delete(shares, tag)
            assert row["next_probability"] == pytest.approx(others.max(), abs=1e-4)
            assert row["next"] != row["tag"]
            wrong += row["tag"] != row["true"]
    assert sum(row["words"] for row in confused.rows) == wrong


def test_only_the_least_certain_of_many_are_kept(make_task, sentences):
    task = make_task("rnn")
    many = [s._replace(tags=()) for s in sentences] * 30
    answers = list(task.answer([s.words for s in many], probabilities=True))
    names = list(task.vocabulary.tags)
    doubts, confused = look_at_words(zip(many, answers, strict=True), names)
    every = np.sort(np.concatenate([a.probabilities.max(axis=1) for a in answers]))
    assert len(doubts.rows) == 20
    assert doubts.rows[-1]["probability"] <= every[60]
    assert "true" not in doubts.rows[0]
    assert not confused.rows
