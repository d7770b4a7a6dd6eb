import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import cosine
from scipy.stats import spearmanr

from elman.metrics import cosines, nearest, spearman

pairs_of_numbers = st.lists(
    st.tuples(st.integers(-3, 3), st.integers(-3, 3)), min_size=2, max_size=30
)


@given(pairs_of_numbers)
def test_rank_correlation_agrees_with_scipy(pairs):
    first, second = np.array(pairs, dtype=float).T
    if len(set(first)) == 1 or len(set(second)) == 1:
        assert math.isnan(spearman(first, second))
    else:
        assert spearman(first, second) == pytest.approx(spearmanr(first, second)[0], abs=1e-12)


def test_rank_correlation_of_too_little_is_not_a_number():
    assert math.isnan(spearman(np.zeros(0), np.zeros(0)))
    assert math.isnan(spearman(np.ones(1), np.ones(1)))


def test_cosines_agree_with_scipy():
    draw = np.random.default_rng(1)
    first, second = draw.normal(size=(2, 7, 5))
    expected = [1 - cosine(u, v) for u, v in zip(first, second, strict=True)]
    assert cosines(first, second) == pytest.approx(expected)
    expected = [1 - cosine(u, second[3]) for u in first]
    assert cosines(first, second[3]) == pytest.approx(expected)
    assert cosines(np.zeros((2, 5)), second[:2]).tolist() == [0.0, 0.0]


def test_the_nearest_are_those_of_least_angle():
    angles = np.radians([0, 50, -10, 180, 30, 10])
    lengths = np.array([[1.0], [9.0], [0.1], [2.0], [3.0], [4.0]])
    vectors = lengths * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    places, found = nearest(vectors, 0, 4)
    assert sorted(places[:2]) == [2, 5]
    assert places[2:].tolist() == [4, 1]
    assert found == pytest.approx(np.cos(np.radians([10, 10, 30, 50])))
    places, _ = nearest(vectors, 0, 100)
    assert sorted(places) == [1, 2, 3, 4, 5]
    places, _ = nearest(np.ones((4, 2)), 2, 3)
    assert places.tolist() == [0, 1, 3]
