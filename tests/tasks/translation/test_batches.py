from itertools import pairwise

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from elman.tasks.translation.batches import (
    EncodedPair,
    cut_by_tokens,
    join_pairs,
    shuffled_by_tokens,
)


def pair(source, target):
    return EncodedPair(np.array(source), np.array(target))


def test_pairs_side_by_side():
    batch = join_pairs([pair([3, 9], [4, 5, 8]), pair([1, 2, 9], [8])], 8)
    assert batch.inputs.source.T.tolist() == [[3, 9, 0], [1, 2, 9]]
    assert batch.inputs.source_lengths.tolist() == [2, 3]
    assert batch.inputs.fed.T.tolist() == [[8, 4, 5], [8, 8, 0]]
    assert batch.targets.T.tolist() == [[4, 5, 8], [8, 0, 0]]
    assert batch.lengths.tolist() == [3, 1]
    assert (batch.rows, batch.target_count) == (2, 4)
    assert torch.equal(batch.to(torch.device("cpu")).targets, batch.targets)


LENGTHS = st.lists(st.tuples(st.integers(1, 40), st.integers(1, 40)), min_size=1, max_size=60)


@given(LENGTHS, st.integers(1, 300))
def test_batches_hold_every_pair_once_and_no_more_tokens(lengths, tokens):
    sizes = np.array(lengths)
    batches = cut_by_tokens(sizes, np.arange(len(sizes)), tokens)
    assert np.concatenate(batches).tolist() == list(range(len(sizes)))
    for rows in batches:
        assert len(rows) == 1 or len(rows) * sizes[rows].max(axis=0).sum() <= tokens
    for rows, following in pairwise(batches):
        both = np.append(rows, following[:1])
        assert len(both) * sizes[both].max(axis=0).sum() > tokens  # none is cut too early


def test_batches_have_like_token_counts_whatever_their_lengths():
    draw = np.random.default_rng(0)
    sizes = draw.integers(1, 60, size=(4000, 1)) + draw.integers(0, 4, size=(4000, 2))
    batches = shuffled_by_tokens(sizes, 32, np.random.default_rng(1))
    assert sorted(np.concatenate(batches).tolist()) == list(range(4000))
    counts = np.array([sizes[rows].sum() for rows in batches])
    padded = sum(len(rows) * sizes[rows].max(axis=0).sum() for rows in batches)
    assert counts.max() <= 32 * sizes.sum(axis=1).mean()
    assert np.median(counts) > 0.8 * counts.max()
    assert sizes.sum() > 0.9 * padded
    again = shuffled_by_tokens(sizes, 32, np.random.default_rng(1))
    assert all(np.array_equal(a, b) for a, b in zip(batches, again, strict=True))
