"""Counting against a dictionary, and the keys against their 64 bits."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from elman.statistical.counting import NGramTable, context_columns, count_ngrams, find


def spelled(tables: list[NGramTable], length: int, vocabulary_size: int) -> dict[tuple, int]:
    """The n-grams of one length as token tuples, by walking the keys back to the shortest."""
    found = {}
    for key, count in zip(tables[length - 1].ngram_keys, tables[length - 1].counts, strict=True):
        context, target = divmod(int(key), vocabulary_size)
        older = []
        for table in tables[length - 1 : 0 : -1]:
            context, token = divmod(int(table.context_keys[context]), vocabulary_size)
            older.append(token)
        found[(*older, target)] = int(count)
    return found


@given(
    tokens=st.lists(st.integers(0, 4), min_size=1, max_size=40),
    order=st.integers(1, 6),
    boundary=st.sampled_from([None, 0, 3]),
)
def test_counts_equal_a_dictionary(tokens, order, boundary):
    stream = tokens if boundary is None else [boundary, *tokens]
    tables = count_ngrams(np.array(tokens), order=order, vocabulary_size=5, boundary=boundary)
    for length in range(1, order + 1):
        first_target = length - 1 if boundary is None else max(length - 1, 1)
        ngrams = [
            tuple(stream[end - length + 1 : end + 1]) for end in range(first_target, len(stream))
        ]
        # Only the oldest and the newest token of an n-gram may be the boundary.
        wanted = Counter(ngram for ngram in ngrams if boundary not in ngram[1:-1])
        assert spelled(tables, length, 5) == wanted


def test_context_columns_restart_after_the_boundary():
    tokens = np.array([5, 6, 0, 7, 0, 0, 8])
    columns = list(context_columns(tokens, width=3, boundary=0))
    np.testing.assert_array_equal(columns[0], [0, 5, 6, 0, 7, 0, 0])
    np.testing.assert_array_equal(columns[1], [-1, 0, 5, -1, 0, -1, -1])
    np.testing.assert_array_equal(columns[2], [-1, -1, 0, -1, -1, -1, -1])


def test_context_columns_run_through_without_a_boundary():
    columns = list(context_columns(np.array([5, 0, 7]), width=4, boundary=None))
    np.testing.assert_array_equal(columns, [[-1, 5, 0], [-1, -1, 5], [-1, -1, -1], [-1, -1, -1]])


@pytest.mark.parametrize("order", [2, 10])
def test_large_vocabularies_keep_the_keys_apart(order):
    vocabulary_size = 250_000
    tokens = vocabulary_size - 1 - np.random.default_rng(0).integers(0, 50, 2000)
    tables = count_ngrams(tokens, order=order, vocabulary_size=vocabulary_size, boundary=None)
    wanted = Counter(tuple(row) for row in np.lib.stride_tricks.sliding_window_view(tokens, order))
    assert spelled(tables, order, vocabulary_size) == wanted


def test_find():
    keys = np.array([2, 5, 9])
    np.testing.assert_array_equal(find(keys, np.array([9, 0, 2, 10, 6])), [2, -1, 0, -1, -1])
    np.testing.assert_array_equal(find(keys[:0], np.array([1, 2])), [-1, -1])
