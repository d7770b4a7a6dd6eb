from itertools import pairwise

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from elman.tasks.batches import POOL, Batches, LabelledBatch, by_length, cut, shuffled_by_length

sizes = st.integers(1, 7)
many_lengths = st.lists(st.integers(1, 30), min_size=1, max_size=60)


def test_a_batch_is_made_when_it_is_asked_for():
    made = []

    def make(items):
        made.append(items)
        return "".join(items)

    batches = Batches("abcde", cut(np.arange(5), 2), make)
    assert len(batches) == 3
    assert made == []
    assert batches[2] == "e"
    assert made == [["e"]]
    assert list(batches) == ["ab", "cd", "e"]


@given(many_lengths, sizes)
def test_by_length_sorts_and_keeps_every_row(lengths, size):
    batches = by_length(lengths, np.arange(len(lengths)), size)
    rows = np.concatenate(batches)
    assert sorted(rows) == list(range(len(lengths)))
    assert [lengths[row] for row in rows] == sorted(lengths)
    assert all(len(batch) == size for batch in batches[:-1])


@given(many_lengths, sizes, st.integers(0, 9))
def test_shuffled_by_length_keeps_every_row_and_pads_little(lengths, size, seed):
    batches = shuffled_by_length(lengths, size, np.random.default_rng(seed))
    assert sorted(np.concatenate(batches)) == list(range(len(lengths)))
    if len(lengths) <= POOL * size:  # one pool: no length lies inside two batches' ranges
        ranges = sorted((min(lengths[i] for i in b), max(lengths[i] for i in b)) for b in batches)
        assert all(first[1] <= second[0] for first, second in pairwise(ranges))


def test_the_order_follows_the_seed():
    lengths = list(np.random.default_rng(0).integers(1, 50, size=500))
    first, again, other = (
        shuffled_by_length(lengths, 4, np.random.default_rng(seed)) for seed in (1, 1, 2)
    )
    assert all((a == b).all() for a, b in zip(first, again, strict=True))
    assert any(list(a) != list(b) for a, b in zip(first, other, strict=True))


def test_a_labelled_batch_moves_inputs_and_targets():
    batch = LabelledBatch(torch.zeros(3, 2), torch.tensor([1, 0]))
    moved = batch.to(torch.device("meta"))
    assert isinstance(moved, LabelledBatch)
    assert {part.device.type for part in moved} == {"meta"}
    assert (batch.rows, batch.target_count, batch.lengths) == (2, 2, None)
