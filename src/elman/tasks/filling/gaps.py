"""What a model puts into gaps: measured on whole sentences, and asked for single gaps."""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from elman.data.batches import length_buckets
from elman.metrics import FillingSummary, filling_summary
from elman.tasks.batches import Batches
from elman.tasks.filling.batches import Ids, Sentences, join_sentences
from elman.tasks.filling.model import FillingModel, is_word

WORDS_AT_ONCE = 4096
"""Words read together, unless a single sentence has more; bounds the memory."""
LARGEST_TABLE = 2**24
"""Probabilities held at once; bounds the memory."""


class GappedSentence(NamedTuple):
    """A sentence with gaps.

    Args:
        words: ids, those in the gaps included.
        gaps: their places, from 0; at least one.
    """

    words: Ids
    gaps: Sequence[int]


class Fillers(NamedTuple):
    """The most probable words of some gaps.

    Args:
        probabilities: falling.
        words: ids.
    """

    probabilities: Float[np.ndarray, "gaps count"]
    words: Int[np.ndarray, "gaps count"]


def measure(
    model: FillingModel, sentences: Sentences, boundary: int, device: torch.device
) -> FillingSummary:
    """Take every word of some sentences for a gap, one at a time, and measure what is found.

    Args:
        model: the model.
        sentences: the sentences.
        boundary: the token before and after each.
        device: where the model is.

    Returns:
        The measures.
    """
    log_probs, ranks = [], []
    buckets = length_buckets(sentences.lengths, WORDS_AT_ONCE)
    for batch in Batches(sentences, buckets, partial(join_sentences, boundary=boundary)):
        moved = batch.to(device)
        with torch.inference_mode():
            features, _ = model(moved.inputs)
            places = is_word(moved.targets, moved.lengths)
            words = moved.targets[places]
            for table, rows in _tables(model, features[places]):
                found = table.gather(1, words[rows, None])
                log_probs.append(found.squeeze(1).double().cpu().numpy())
                ranks.append(1 + (table > found).sum(dim=1).cpu().numpy())
    return filling_summary(
        np.concatenate(log_probs), np.concatenate(ranks), sentences=len(sentences)
    )


def fill(
    model: FillingModel,
    sentences: Sequence[GappedSentence],
    boundary: int,
    count: int,
    device: torch.device,
) -> list[Fillers]:
    """Find the most probable words of gaps.

    Args:
        model: the model.
        sentences: the sentences; a word in a gap is not seen where that gap is filled.
        boundary: the token before and after each.
        count: words wanted for each gap, at most all.
        device: where the model is.

    Returns:
        The words for each sentence's gaps.
    """
    answers: dict[int, Fillers] = {}
    for rows in length_buckets(np.array([len(s.words) for s in sentences]), WORDS_AT_ONCE):
        batch = join_sentences([sentences[row].words for row in rows], boundary)
        sizes = [len(sentences[row].gaps) for row in rows]
        steps = [gap for row in rows for gap in sentences[row].gaps]
        with torch.inference_mode():
            features, _ = model(batch.to(device).inputs)
            wanted = features[steps, np.repeat(np.arange(len(rows)), sizes)]
            tables = [table.topk(count) for table, _ in _tables(model, wanted)]
        log_probs, words = (torch.cat(parts).cpu() for parts in zip(*tables, strict=True))
        found = zip(log_probs.exp().split(sizes), words.split(sizes), strict=True)
        for row, (shares, ids) in zip(rows.tolist(), found, strict=True):
            answers[row] = Fillers(shares.numpy(), ids.numpy())
    return [answers[row] for row in range(len(sentences))]


def _tables(
    model: FillingModel, features: Float[Tensor, "gaps width"]
) -> Iterator[tuple[Float[Tensor, "rows vocab"], slice]]:
    """Yield log-probabilities of all words for some gaps at a time, and which gaps these are."""
    step = max(1, LARGEST_TABLE // model.embedding.num_embeddings)
    for start in range(0, len(features), step):
        rows = slice(start, start + step)
        yield model.softmax.log_probs(features[rows]), rows
