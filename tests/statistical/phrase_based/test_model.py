"""The whole system on a small language: aligned, counted, tuned, translated, restored."""

import numpy as np
import pytest
from safetensors.numpy import load, save

from elman.errors import CheckpointError
from elman.statistical.phrase_based import (
    Language,
    PhraseModel,
    WordPair,
    align_pairs,
    count_model,
    tune_weights,
)
from elman.statistical.phrase_based.features import (
    DISTORTION,
    LANGUAGE_MODEL,
    PHRASES,
    START_WEIGHTS,
)
from elman.statistical.phrase_based.model import LONGEST_PIECE
from elman.statistical.phrase_based.training import LONGEST_SENTENCE
from reference.toy_language import toy_pairs

UNSEEN = toy_pairs(50, seed=2)


def languages() -> tuple[Language, Language]:
    sources, targets = zip(*toy_pairs(150, seed=1), strict=True)
    return Language.gather(sources), Language.gather(targets)


def in_words(pairs, source: Language, target: Language) -> list[WordPair]:
    return [WordPair(source.read(s), target.read(t)) for s, t in pairs]


@pytest.fixture(scope="module")
def model() -> PhraseModel:
    sides = languages()
    aligned = align_pairs(in_words(toy_pairs(150, seed=1), *sides), *sides)
    return count_model(aligned, *sides, order=3)


def translated(model: PhraseModel, text: str) -> str:
    return model.target.write(model.translate(model.source.read(text))[0].words)


def test_words_are_aligned_in_their_new_order():
    pair = WordPair(["Hund", "neu", "mag", "Katze"], ["new", "dog", "likes", "cat"])
    sides = languages()
    words = in_words(toy_pairs(150, seed=1), *sides)
    assert align_pairs([*words, pair], *sides)[-1].points == [(0, 1), (1, 0), (2, 2), (3, 3)]


def test_unseen_sentences_are_translated(model):
    right = sum(translated(model, source) == target for source, target in UNSEEN)
    assert right >= 48


def test_tuning_finds_that_order_matters():
    sides = languages()
    aligned = align_pairs(in_words(toy_pairs(150, seed=1), *sides), *sides)
    model = count_model(aligned, *sides, order=3)
    model.weights = START_WEIGHTS.copy()
    model.weights[[PHRASES, DISTORTION, LANGUAGE_MODEL]] = 3, 1, 0  # many words, in their old order
    found = tune_weights(model, in_words(UNSEEN[:8], *sides), 1, print)
    assert found.scores[0] < 40
    assert max(found.scores) > 95
    np.testing.assert_array_equal(model.weights, found.weights)
    right = sum(translated(model, source) == target for source, target in UNSEEN)
    assert right >= 40


def test_n_best_lists_are_in_order_and_without_repetition(model):
    words = model.source.read("Hund neu mag Katze alt.")
    found = model.translate(words, 20)
    assert len({tuple(rendering.words) for rendering in found}) == len(found) == 20
    scores = [rendering.score for rendering in found]
    assert scores == sorted(scores, reverse=True)
    for rendering in found:
        covered = sorted(
            place for phrase in rendering.phrases for place in range(phrase.start, phrase.end)
        )
        assert covered == list(range(len(words)))
    assert model.translate([]) == [([], 0.0)]


def test_unknown_words_are_copied_in_place(model):
    assert translated(model, "Zebra neu mag Katze.") in {
        "New Zebra likes cat.",
        "Zebra new likes cat.",
    }


def test_long_sentences_are_cut_after_marks(model):
    clause = model.source.read("Hund mag Katze.")
    words = clause * 60
    assert len(words) > 2 * LONGEST_PIECE
    (found,) = model.translate(words, 3)
    assert found.words == model.target.read("dog likes cat.") * 60
    parts = sorted((phrase.start, phrase.end) for phrase in found.phrases)
    assert [place for part in parts for place in range(*part)] == list(range(len(words)))


def test_pairs_that_cannot_be_learnt_from_are_left_out_with_a_warning():
    sides = languages()
    words = in_words(toy_pairs(10, seed=1), *sides)
    broken = [WordPair([], ["dog"]), WordPair(["Hund"] * (LONGEST_SENTENCE + 1), ["dog"])]
    with pytest.warns(UserWarning, match="2 of 12 pairs"):
        assert len(align_pairs([*words, *broken], *sides)) == 10
    with pytest.raises(ValueError, match="got none"):
        align_pairs(broken, *sides)


def test_arrays_restore_the_model(model):
    arrays = load(save(model.arrays()))
    tables = [side.tables() for side in (model.source, model.target)]
    source, target = map(Language.from_tables, tables)
    restored = PhraseModel.from_arrays(arrays, source, target)
    for text, _ in UNSEEN[:10]:
        words = source.read(text)
        assert words == model.source.read(text)
        assert restored.translate(words, 5) == model.translate(words, 5)
    with pytest.raises(CheckpointError, match="not one of these words"):
        PhraseModel.from_arrays(arrays, Language(source.words[1:], source.casing), target)
    with pytest.raises(CheckpointError, match="lacks 'features'"):
        PhraseModel.from_arrays(
            {name: a for name, a in arrays.items() if name != "phrases.features"}, source, target
        )
    with pytest.raises(CheckpointError, match="not the words"):
        Language.from_tables({"words": []})


def test_fitting_twice_gives_the_same_bits(model):
    sides = languages()
    aligned = align_pairs(in_words(toy_pairs(150, seed=1), *sides), *sides)
    again = count_model(aligned, *sides, order=3).arrays()
    for name, values in model.arrays().items():
        np.testing.assert_array_equal(again[name], values)
