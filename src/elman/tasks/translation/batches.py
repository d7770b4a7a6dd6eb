"""Pairs as batches of like token counts."""

from collections.abc import Sequence
from typing import NamedTuple, Self

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from elman.tasks.batches import POOL, Rows, cut
from elman.tasks.translation.side import Ids


class EncodedPair(NamedTuple):
    """A pair as numbers.

    Args:
        source: tokens, the last of them the end.
        target: tokens, the last of them the end.
    """

    source: Ids
    target: Ids


class TranslationInputs(NamedTuple):
    """What is read.

    Args:
        source: tokens, padded at the end.
        source_lengths: tokens of each.
        fed: what the decoder reads: the end, then all targets but the last.
    """

    source: Int[Tensor, "source batch"]
    source_lengths: Int[Tensor, " batch"]
    fed: Int[Tensor, "time batch"]


class TranslationBatch(NamedTuple):
    """Pairs to learn from.

    Args:
        inputs: what is read.
        targets: what is to be written, padded at the end.
        lengths: tokens of each target.
    """

    inputs: TranslationInputs
    targets: Int[Tensor, "time batch"]
    lengths: Int[Tensor, " batch"]

    @property
    def rows(self) -> int:
        """Pairs side by side."""
        return len(self.lengths)

    @property
    def target_count(self) -> int:
        """Tokens to be written."""
        return int(self.lengths.sum())

    def to(self, device: torch.device) -> Self:
        """Move the tensors.

        Args:
            device: where to.

        Returns:
            The same batch there.
        """
        inputs = TranslationInputs(*(part.to(device) for part in self.inputs))
        return type(self)(inputs, self.targets.to(device), self.lengths.to(device))


def join_pairs(pairs: Sequence[EncodedPair], end: int) -> TranslationBatch:
    """Put pairs side by side.

    Args:
        pairs: at least one.
        end: the target's end, which is fed first.

    Returns:
        The batch.
    """
    source, source_lengths = join_ids([pair.source for pair in pairs])
    targets, lengths = join_ids([pair.target for pair in pairs])
    fed = torch.cat([torch.full_like(targets[:1], end), targets[:-1]])
    return TranslationBatch(TranslationInputs(source, source_lengths, fed), targets, lengths)


def join_ids(rows: Sequence[Ids]) -> tuple[Int[Tensor, "time batch"], Int[Tensor, " batch"]]:
    """Put sequences side by side.

    Args:
        rows: tokens of each.

    Returns:
        One tensor, padded at the end, and their lengths.
    """
    padded = pad_sequence([torch.from_numpy(ids) for ids in rows])
    return padded, torch.tensor([len(ids) for ids in rows])


def cut_by_tokens(sizes: Int[np.ndarray, "pairs sides"], rows: Rows, tokens: float) -> list[Rows]:
    """Cut pairs into batches of like token counts.

    Args:
        sizes: tokens of either side of all pairs.
        rows: which of them, in their order.
        tokens: of a batch, both sides with their padding, unless a single pair has more.

    Returns:
        The rows of each batch.
    """
    batches: list[Rows] = []
    first = 0
    widest = np.zeros(sizes.shape[1], dtype=np.int64)
    for place, row in enumerate(rows):
        grown = np.maximum(widest, sizes[row])
        if place > first and grown.sum() * (place - first + 1) > tokens:
            batches.append(rows[first:place])
            first, grown = place, sizes[row]
        widest = grown
    return [*batches, rows[first:]]


def shuffled_by_tokens(
    sizes: Int[np.ndarray, "pairs sides"], batch_size: int, draw: np.random.Generator
) -> list[Rows]:
    """Cut all pairs into batches of like lengths and like token counts, in random order.

    Args:
        sizes: tokens of either side of the pairs.
        batch_size: pairs of a batch in the mean.
        draw: of the order.

    Returns:
        The rows of each batch.
    """
    tokens = batch_size * sizes.sum(axis=1).mean()
    batches: list[Rows] = []
    for pool in cut(draw.permutation(len(sizes)), POOL * batch_size):
        ranked = pool[np.lexsort((sizes[pool, 0], sizes[pool, 1]))]
        batches += cut_by_tokens(sizes, ranked, tokens)
    return [batches[i] for i in draw.permutation(len(batches))]
