"""Line search against a dense grid; tuning finds the feature that matters."""

import numpy as np
import pytest

from elman.statistical.phrase_based.bleu import bleu_counts
from elman.statistical.phrase_based.mert import NBestLists, corpus_bleu, line_search, tune

FREE = np.full(3, -np.inf)


def lists(seed: int, sentences: int = 12, size: int = 7, features: int = 3) -> NBestLists:
    """Random translations of up to `size` each, with random words."""
    generator = np.random.default_rng(seed)
    present = np.arange(size) < generator.integers(1, size + 1, (sentences, 1))
    counts = np.zeros((sentences, size, 9), dtype=np.int64)
    for sentence in range(sentences):
        reference = generator.integers(0, 4, 10).tolist()
        for place in range(size):
            kept = np.where(generator.random(10) < 0.3, 9, reference).tolist()
            counts[sentence, place] = bleu_counts(kept, reference)
    return NBestLists(generator.normal(size=(sentences, size, features)), counts, present)


@pytest.mark.parametrize("seed", range(5))
def test_line_search_is_as_good_as_the_best_of_a_dense_grid(seed):
    drawn = lists(seed)
    generator = np.random.default_rng(100 + seed)
    weights, direction = generator.normal(size=(2, 3))
    step, score = line_search(drawn, weights, direction, FREE)
    assert score == pytest.approx(corpus_bleu(drawn, weights + step * direction), rel=1e-12)
    grid = np.tan(np.linspace(-1.57, 1.57, 1001))
    best = max(corpus_bleu(drawn, weights + place * direction) for place in grid)
    assert best - 1e-9 <= score < 1.02 * best


def test_weights_stay_where_they_may_be():
    drawn, generator = lists(2), np.random.default_rng(3)
    for _ in range(20):
        lowest = np.where(generator.random(3) < 0.7, 0.0, -np.inf)
        weights, direction = generator.uniform(0, 1, 3), generator.normal(size=3)
        step, score = line_search(drawn, weights, direction, lowest)
        assert (weights + step * direction >= lowest).all()
        assert score == pytest.approx(corpus_bleu(drawn, weights + step * direction), rel=1e-12)
        assert score >= corpus_bleu(drawn, weights)
    nowhere = line_search(drawn, np.zeros(3), np.array([1.0, -1.0, 0.0]), np.zeros(3))
    assert nowhere == (0.0, -np.inf)


def test_lines_that_never_cross_keep_their_score():
    drawn = lists(1)._replace(features=np.zeros((12, 7, 3)))
    step, score = line_search(drawn, np.ones(3), np.ones(3), FREE)
    assert (step, score) == (pytest.approx(0), corpus_bleu(drawn, np.ones(3)))


def test_tuning_finds_what_goes_with_bleu():
    drawn = lists(4, sentences=40)
    matches = drawn.counts[..., :4].sum(axis=-1)
    features = np.stack([drawn.features[..., 0], -matches, drawn.features[..., 1]], axis=-1)
    told = drawn._replace(features=features)
    weights, score = tune(told, np.array([0.3, 0.3, 0.3]), FREE, np.random.default_rng(1))
    assert np.abs(weights).sum() == pytest.approx(1)
    assert weights[1] < -0.5
    assert score == pytest.approx(corpus_bleu(told, weights))
    best = np.where(drawn.present, matches, -1).argmax(axis=1)
    unreachable = corpus_bleu(told._replace(features=np.eye(7)[best][..., None]), np.ones(1))
    assert 0.98 * unreachable < score
    again, _ = tune(told, np.array([0.3, 0.3, 0.3]), FREE, np.random.default_rng(1))
    np.testing.assert_array_equal(again, weights)
