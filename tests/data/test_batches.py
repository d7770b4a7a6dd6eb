import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from elman.data import LineBatches, StreamBatches, length_buckets
from elman.errors import DataError

BOUNDARY = 0
TOKENS = st.lists(st.integers(0, 9), min_size=1, max_size=60).map(
    lambda ids: np.array(ids, dtype=np.uint16)
)


@given(TOKENS, st.integers(1, 5), st.integers(1, 7))
def test_rows_joined_over_all_batches_are_the_stream(tokens, batch_size, unroll):
    if len(tokens) < batch_size:
        with pytest.raises(DataError, match=f"{len(tokens)} tokens, too few for {batch_size}"):
            StreamBatches(tokens, batch_size, unroll, BOUNDARY)
        return
    batches = list(StreamBatches(tokens, batch_size, unroll, BOUNDARY))
    inputs = torch.cat([batch.inputs for batch in batches])
    targets = torch.cat([batch.targets for batch in batches])
    length = len(tokens) // batch_size
    stream = [BOUNDARY, *tokens.tolist()]
    assert inputs.dtype == targets.dtype == torch.int64
    for row in range(batch_size):
        first = row * length
        assert inputs[:, row].tolist() == stream[first : first + length]
        assert targets[:, row].tolist() == stream[first + 1 : first + length + 1]
    assert {batch.inputs.shape[0] for batch in batches[:-1]} <= {unroll}
    assert all(batch.lengths is None for batch in batches)


@given(TOKENS, st.integers(1, 7))
def test_one_row_predicts_every_token_once(tokens, unroll):
    batches = StreamBatches(tokens, 1, unroll, BOUNDARY)
    assert torch.cat([b.targets for b in batches]).flatten().tolist() == tokens.tolist()
    assert len(batches) == -(-len(tokens) // unroll)


def test_a_position_gives_the_same_batch_whatever_came_before(tmp_path):
    tokens = np.memmap(tmp_path / "ids", np.uint16, mode="w+", shape=(1000,))
    tokens[:] = np.arange(1000)
    batches = StreamBatches(tokens, 4, 30, BOUNDARY)
    assert len(batches) == 9
    resumed = StreamBatches(tokens, 4, 30, BOUNDARY)[5]
    assert torch.equal(resumed.targets[:, 2], torch.arange(500 + 150, 500 + 180))
    assert torch.equal(resumed.inputs, list(batches)[5].inputs)
    assert batches[8].inputs.shape == (10, 4)
    for index in (-1, 9):
        with pytest.raises(IndexError):
            batches[index]


@pytest.mark.parametrize(("batch_size", "unroll"), [(0, 1), (1, 0)])
def test_sizes_must_be_positive(batch_size, unroll):
    with pytest.raises(ValueError, match="at least 1"):
        StreamBatches(np.arange(5), batch_size, unroll, BOUNDARY)


def lines_of_batch(batch):
    for column, length in enumerate(batch.lengths.tolist()):
        assert length <= batch.inputs.shape[0] == batch.lengths.max()
        assert batch.inputs[0, column] == BOUNDARY
        assert batch.inputs[1:length, column].equal(batch.targets[: length - 1, column])
        assert batch.targets[length:, column].eq(BOUNDARY).all()
        yield tuple(batch.targets[:length, column].tolist())


def brute_force_lines(tokens):
    lines, line = [], []
    for id in tokens.tolist():
        line.append(id)
        if id == BOUNDARY:
            lines.append(tuple(line))
            line = []
    return [*lines, tuple(line)] if line else lines


@given(TOKENS, st.integers(1, 40), st.integers(0, 3), st.integers(0, 3))
def test_every_line_is_in_one_batch_of_an_epoch(tokens, tokens_per_batch, seed, epoch):
    batches = LineBatches(tokens, BOUNDARY, tokens_per_batch, seed).batches(epoch)
    found = [line for batch in batches for line in lines_of_batch(batch)]
    assert sorted(found) == sorted(brute_force_lines(tokens))
    assert len(batches) == len(list(batches))
    for batch in batches:
        assert batch.inputs.numel() <= tokens_per_batch or len(batch.lengths) == 1


def test_seed_and_epoch_alone_decide_the_order():
    tokens = np.random.default_rng(0).integers(0, 10, 2000)

    def order(seed, epoch):
        batches = LineBatches(tokens, BOUNDARY, 50, seed).batches(epoch)
        return [line for batch in batches for line in lines_of_batch(batch)]

    assert order(1, 0) == order(1, 0)
    assert order(1, 0) != order(1, 1)
    assert order(1, 0) != order(2, 0)


@given(st.lists(st.integers(0, 30), max_size=50), st.integers(1, 60))
def test_buckets_hold_similar_lengths_within_the_limit(lengths, tokens_per_batch):
    buckets = length_buckets(np.array(lengths, dtype=np.int64), tokens_per_batch)
    places = [place for bucket in buckets for place in bucket.tolist()]
    assert places == sorted(range(len(lengths)), key=lambda place: -lengths[place])
    for bucket in buckets:
        longest = max(lengths[place] for place in bucket)
        assert len(bucket) == 1 or longest * len(bucket) <= tokens_per_batch
        if bucket is not buckets[-1]:
            assert max(longest, 1) * (len(bucket) + 1) > tokens_per_batch
