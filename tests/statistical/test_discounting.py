"""Discounts by hand from the paper's equations."""

import numpy as np
import pytest

from elman.statistical.counting import NGramTable
from elman.statistical.discounting import estimate_discounts, smooth


def counts_with(n1: int, n2: int, n3: int, n4: int, more: int = 0) -> np.ndarray:
    return np.repeat([1, 2, 3, 4, 9], [n1, n2, n3, n4, more])


def test_discounts_by_hand():
    # Y = 4 / (4 + 2 * 2) = 1/2.
    np.testing.assert_allclose(
        estimate_discounts(counts_with(4, 2, 1, 1, more=7)), [0.5, 1.25, 1.0], rtol=1e-15
    )


def test_no_ngram_that_counts_four_times_is_no_obstacle():
    # Y = 8 / (8 + 2 * 2) = 2/3.
    discounts = estimate_discounts(counts_with(8, 2, 1, 0))
    np.testing.assert_allclose(discounts, [2 / 3, 1.0, 3.0], rtol=1e-15)


@pytest.mark.parametrize(
    "counts",
    [
        counts_with(0, 0, 0, 0),
        counts_with(0, 3, 2, 1),
        counts_with(3, 0, 2, 1),
        counts_with(3, 2, 0, 1),
        counts_with(9, 1, 4, 1),  # D2 = 2 - 3 * 9/11 * 4 < 0
        counts_with(9, 4, 1, 4),  # D3+ = 3 - 4 * 9/17 * 4 < 0
    ],
)
def test_fallback_discounts(counts):
    np.testing.assert_array_equal(estimate_discounts(counts), [0.5, 1.0, 1.5])


def test_discounted_mass_goes_to_the_backoff():
    # Two contexts over three tokens: counts 1, 2 in the first and 5 in the second.
    table = NGramTable(np.array([0, 2]), np.array([0, 1, 5]), np.array([1, 2, 5]))
    smoothed = smooth(table, np.array([0.5, 1.25, 2.0]), vocabulary_size=3)
    np.testing.assert_allclose(smoothed.discounted, [0.5 / 3, 0.75 / 3, 3 / 5], rtol=1e-15)
    np.testing.assert_allclose(smoothed.backoff, [1.75 / 3, 2 / 5], rtol=1e-15)
