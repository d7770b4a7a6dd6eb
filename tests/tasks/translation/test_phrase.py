"""The statistical system on raw lines: fitted, answered, saved and restored."""

import numpy as np
import pytest
from safetensors.torch import load, save

from elman.errors import CheckpointError, DataError
from elman.tasks.translation.phrase import Languages, PhraseSystem
from elman.tasks.translation.reading import Pair
from reference.toy_language import toy_pairs

PAIRS = [Pair(*pair) for pair in toy_pairs(150, seed=1)]


@pytest.fixture(scope="module")
def languages() -> Languages:
    return Languages.gather(PAIRS)


@pytest.fixture(scope="module")
def system(languages) -> PhraseSystem:
    return PhraseSystem.fit(languages, PAIRS, 1, print)


def test_unseen_lines_are_translated(system):
    unseen = toy_pairs(50, seed=2)
    found = [next(system.answers([source], 1, 5)).translations[0].text for source, _ in unseen]
    right = [text == target for text, (_, target) in zip(found, unseen, strict=True)]
    assert sum(right) >= 48


def test_phrases_stand_where_attention_stands(system):
    answer = next(system.answers(["Hund neu mag Katze."], 4, 5))
    assert len(answer.translations) == 4
    for best in answer.translations:
        assert best.weights.shape == (len(best.tokens), len(answer.source))
        np.testing.assert_allclose(best.weights.sum(axis=1), 1, rtol=1e-6)
        assert best.weights[-1, -1] == 1
    weights = answer.translations[0].weights
    words = answer.translations[0].tokens
    assert answer.translations[0].text == "New dog likes cat."
    assert weights[words.index("likes"), answer.source.index("mag")] > 0
    assert weights[words.index("likes"), answer.source.index("Hund")] == 0


def test_an_empty_line_stays_empty(system):
    (translation,) = next(system.answers(["  "], 3, 5)).translations
    assert translation.text == ""


def test_a_saved_system_answers_the_same(system, languages, tmp_path):
    languages.save(tmp_path)
    restored = PhraseSystem.from_arrays(load(save(system.arrays())), Languages.load(tmp_path))
    for source, _ in toy_pairs(10, seed=3):
        ours, theirs = (
            next(one.answers([source], 5, 5)).translations for one in (system, restored)
        )
        assert [(t.text, t.score) for t in ours] == [(t.text, t.score) for t in theirs]


def test_damaged_files_are_named(languages, tmp_path):
    with pytest.raises(CheckpointError, match=r"source\.json: no such file"):
        Languages.load(tmp_path)
    languages.save(tmp_path)
    (tmp_path / "target.json").write_text('{"words": [')
    with pytest.raises(CheckpointError, match=r"target\.json"):
        Languages.load(tmp_path)


def test_too_few_pairs_are_refused():
    few = PAIRS[:5]
    with pytest.raises(DataError, match="5 pairs are too few"):
        PhraseSystem.fit(Languages.gather(few), few, 1, print)


def test_a_line_too_long_is_cut_and_told(system):
    lines = ["Hund mag Katze.", "Hund " * 5000]
    with pytest.warns(UserWarning, match="line 2 has 5000 tokens: only 200 are read"):
        _, long = system.answers(lines, 1, 1)
    assert len(long.source) == 201
