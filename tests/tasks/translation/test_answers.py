"""From raw lines to translations: right, in order, whatever stands beside them."""

import numpy as np
import pytest
import torch

from elman.tasks.translation import answers
from elman.tasks.translation.answers import LINES_AHEAD, LONGEST


def texts(task, lines, **options):
    search = task.search(options.pop("beam", None), wanted=1)
    return [answer.translations[0].text for answer in task.translate(lines, search)]


def test_sentences_are_translated_to_raw_text(learnt):
    task, _, _ = learnt
    lines = ["zwei drei!", "", "eins vier eins!", "  ", "drei eins!"]
    assert texts(task, lines) == ["two three!", "", "one four one!", "", "three one!"]
    assert texts(task, lines, beam=1) == texts(task, lines)


def test_a_line_does_not_depend_on_those_beside_it(learn):
    task, _, _ = learn()  # random weights: many near ties
    lines = [" ".join(np.random.default_rng(n).choice(["eins", "zwei"], n)) for n in range(1, 20)]
    search = task.search(3, wanted=3, attention=True)
    together = list(task.translate(lines, search))
    for line, answer in zip(lines, together, strict=True):
        (alone,) = task.translate([line], search)
        assert [t.text for t in alone.translations] == [t.text for t in answer.translations]
        assert alone.translations[0].score == pytest.approx(answer.translations[0].score, abs=1e-4)


def test_no_more_is_read_than_is_answered_at_once(learnt):
    task, _, _ = learnt
    read = 0

    def lines():
        nonlocal read
        while True:
            read += 1
            yield "eins zwei!"

    found = task.translate(lines(), task.search(1, wanted=1))
    for _ in range(3):
        next(found)
    assert read == LINES_AHEAD


def test_an_unknown_word_is_copied_from_where_the_decoder_looked(learnt):
    task, _, _ = learnt
    target = task.languages.target
    (answer,) = task.translate(["drei Katmandu!"], task.search(5, wanted=1, attention=True))
    (best,) = answer.translations
    assert answer.source[:3] == ["drei", "Katmandu", "\uffed!"]
    assert best.weights.shape == (len(best.tokens), len(answer.source))
    np.testing.assert_allclose(best.weights.sum(axis=1), 1.0, atol=1e-5)
    hypothesis = answers.Hypothesis([target.unknown, target.end], -1.0, -1.0)
    weights = np.array([[0.1, 0.5, 0.0, 0.4], [0.0, 0.0, 0.0, 1.0]])
    copied = answers._answer(task.languages, answer.source, [hypothesis], [weights])
    assert copied.translations[0].text == "Katmandu"
    unseen = answers._answer(task.languages, answer.source, [hypothesis], [None])
    assert unseen.translations[0].text == "<unk>"


def test_a_very_long_line_is_read_in_part_and_said(learnt):
    task, _, _ = learnt
    with pytest.warns(UserWarning, match="line 2 has 5001 tokens: only 1999 are read"):
        found = texts(task, ["eins zwei!", "eins " * 4999 + "zwei!", "zwei eins!"], beam=1)
    assert (found[0], found[2]) == ("one two!", "two one!")
    assert len(found) == 3
    assert LONGEST == 2000


def test_sources_are_read_backward_without_attention(learn):
    task, _, _ = learn(attention="none")
    (ahead,) = task.languages.source.encode(["eins zwei drei!"])
    (read,) = task.languages.encode_sources(["eins zwei drei!"])
    assert read.tolist() == [*ahead[-2::-1].tolist(), ahead[-1]]
    assert task.languages.show_source("eins zwei!", read)[:2] == ["\uffed!", "zwei"]
    (answer,) = task.translate(["eins zwei!"], task.search(2, wanted=2, attention=True))
    assert [t.weights for t in answer.translations] == [None, None]


def test_n_best_lists_are_sorted_and_the_best_is_the_only_wanted(learnt):
    task, _, _ = learnt
    (answer,) = task.translate(["eins drei!"], task.search(4, wanted=4))
    scores = [t.score for t in answer.translations]
    assert len(scores) == 4
    assert scores == sorted(scores, reverse=True)
    (best,) = task.translate(["eins drei!"], task.search(4, wanted=1))
    assert best.translations[0].text == answer.translations[0].text


def test_the_loss_is_that_of_the_criterion(learnt):
    task, data, _ = learnt
    batch = data.batches(0)[0]
    with torch.no_grad():
        features, _ = task.model(batch.inputs)
        expected = float(task.model.criterion(features, batch.targets, batch.lengths))
    rows = [
        answers.EncodedPair(
            batch.inputs.source[: batch.inputs.source_lengths[row], row].numpy(),
            batch.targets[: batch.lengths[row], row].numpy(),
        )
        for row in range(batch.rows)
    ]
    found = answers.mean_loss(task.model, rows, data.end, task.device)
    assert found == pytest.approx(expected, rel=1e-5)
