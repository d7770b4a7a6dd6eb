"""Batches to learn from; those of language models: a carried stream, or independent lines."""

from collections.abc import Sequence
from typing import NamedTuple, Self

import numpy as np
import torch
from jaxtyping import Int, Integer, Shaped
from torch import Tensor

from elman.errors import DataError


class Batch(NamedTuple):
    """Inputs, and what is to be predicted after each of them.

    Attributes:
        inputs: `[time, batch]` token ids, or `[time, batch, input]` numbers.
        targets: `[time, batch]` token ids, or `[time, batch, output]` numbers.
        lengths: valid steps of each column; None if all are full.
    """

    inputs: Shaped[Tensor, "time batch *input"]
    targets: Shaped[Tensor, "time batch *output"]
    lengths: Int[Tensor, " batch"] | None

    @property
    def rows(self) -> int:
        """Sequences side by side."""
        return self.inputs.shape[1]

    @property
    def target_count(self) -> int:
        """Steps whose targets are learnt."""
        if self.lengths is None:
            return self.targets.shape[0] * self.targets.shape[1]
        return int(self.lengths.sum())

    def to(self, device: torch.device) -> Self:
        """Move the tensors.

        Args:
            device: where to.

        Returns:
            The same batch there.
        """
        lengths = None if self.lengths is None else self.lengths.to(device)
        return type(self)(self.inputs.to(device), self.targets.to(device), lengths)


class StreamBatches(Sequence[Batch]):
    """A text as one stream, cut into equal rows that are read side by side.

    Batch i + 1 continues every row of batch i, so the state is carried; the index of a batch is
    the whole position. The last batch is shorter where a row is no multiple of `unroll`.

    Args:
        tokens: the ids of the text; every one of them is predicted, but for a remainder of less
            than `batch_size` tokens at the end that does not fill the rows.
        batch_size: rows.
        unroll: steps of a batch.
        boundary: the id fed before the text.

    Raises:
        DataError: there are fewer tokens than rows.
    """

    def __init__(
        self,
        tokens: Integer[np.ndarray, " time"],
        batch_size: int,
        unroll: int,
        boundary: int,
    ) -> None:
        if batch_size < 1 or unroll < 1:
            raise ValueError(
                "StreamBatches expects batch_size and unroll of at least 1, "
                f"got {batch_size} and {unroll}."
            )
        self._row_length = len(tokens) // batch_size
        if self._row_length == 0:
            raise DataError(
                f"the text has {len(tokens)} tokens, too few for {batch_size} rows: "
                "give more text or a smaller batch size."
            )
        self._tokens = tokens
        self._starts = self._row_length * np.arange(batch_size)
        self._unroll = unroll
        self._boundary = boundary

    def __len__(self) -> int:
        return -(-self._row_length // self._unroll)

    def __getitem__(self, index: int) -> Batch:  # type: ignore[override]
        """Makes one batch.

        Args:
            index: from 0 to the number of batches - 1.
        """
        if not 0 <= index < len(self):
            raise IndexError(f"batch {index} of {len(self)}")
        first = index * self._unroll
        last = min(first + self._unroll, self._row_length)
        # One step more than the batch: what is a target is the input of the next step.
        places = self._starts + np.arange(first - 1, last)[:, None]
        window = self._tokens[places].astype(np.int64)
        if index == 0:
            window[0, 0] = self._boundary
        ids = torch.from_numpy(window)
        return Batch(ids[:-1], ids[1:], None)


class LineBatches:
    """A text as independent lines, batched by similar length.

    Each line is fed after `boundary` and predicts its tokens and its line end.

    Args:
        tokens: the ids of the text; a line ends with `boundary`.
        boundary: the id of line ends; it also fills the steps beyond a line's end.
        tokens_per_batch: steps times columns of a batch at most, unless one line is longer.
        seed: with the epoch it decides which lines of a length meet, and in which order.
    """

    def __init__(
        self,
        tokens: Integer[np.ndarray, " time"],
        boundary: int,
        tokens_per_batch: int,
        seed: int,
    ) -> None:
        ends = np.flatnonzero(tokens == boundary) + 1
        if len(ends) == 0 or ends[-1] != len(tokens):
            ends = np.append(ends, len(tokens))
        self._starts = np.concatenate([[0], ends[:-1]])
        self._lengths = ends - self._starts
        self._tokens = tokens
        self._boundary = boundary
        self._tokens_per_batch = tokens_per_batch
        self._seed = seed

    def batches(self, epoch: int) -> Sequence[Batch]:
        """Gives the batches of one pass over all lines.

        Args:
            epoch: the number of the pass, from 0; each has an order of its own.

        Returns:
            The batches; each is made when it is asked for.
        """
        generator = np.random.default_rng([self._seed, epoch])
        order = generator.permutation(len(self._lengths))
        buckets = length_buckets(self._lengths[order], self._tokens_per_batch)
        generator.shuffle(buckets)
        return _LineEpoch(self, [order[bucket] for bucket in buckets])

    def batch(self, lines: Integer[np.ndarray, " batch"]) -> Batch:
        """Makes a batch of some lines.

        Args:
            lines: their numbers, from 0.
        """
        lengths = self._lengths[lines]
        padded = np.full((int(lengths.max()) + 1, len(lines)), self._boundary, dtype=np.int64)
        for column, line in enumerate(lines):
            start, length = self._starts[line], self._lengths[line]
            padded[1 : length + 1, column] = self._tokens[start : start + length]
        ids = torch.from_numpy(padded)
        return Batch(ids[:-1], ids[1:], torch.from_numpy(lengths))


class _LineEpoch(Sequence[Batch]):
    def __init__(self, lines: LineBatches, buckets: list[Integer[np.ndarray, " _"]]) -> None:
        self._lines = lines
        self._buckets = buckets

    def __len__(self) -> int:
        return len(self._buckets)

    def __getitem__(self, index: int) -> Batch:  # type: ignore[override]
        return self._lines.batch(self._buckets[index])


def length_buckets(
    lengths: Integer[np.ndarray, " lines"], tokens_per_batch: int
) -> list[Int[np.ndarray, " _"]]:
    """Groups sequences of similar length, longest first.

    Args:
        lengths: steps of each sequence.
        tokens_per_batch: longest sequence times number of sequences of a group at most; a
            sequence longer than that is alone.

    Returns:
        The places of the sequences of each group; each place is in one group, and equal lengths
        keep their order.
    """
    order = np.argsort(-np.asarray(lengths, dtype=np.int64), kind="stable")
    buckets = []
    start = 0
    while start < len(order):
        longest = max(int(lengths[order[start]]), 1)
        stop = start + max(tokens_per_batch // longest, 1)
        buckets.append(order[start:stop])
        start = stop
    return buckets
