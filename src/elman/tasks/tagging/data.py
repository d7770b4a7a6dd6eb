"""What a tagger learns from."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from elman.data import Batch
from elman.data.conll import TaggedSentence
from elman.tasks.batches import Batches, Rows, shuffled_by_length
from elman.tasks.tagging.vocabulary import PADDING
from elman.tasks.task import Validation

WORDS_OF_A_BATCH = 1 << 14
"""Words of a batch, padding included, unless a single sentence has more."""


class EncodedSentence(NamedTuple):
    """A sentence as numbers.

    Args:
        words: for each word its number and those of its characters.
        tags: the number of each word's tag.
    """

    words: Int[Tensor, "time columns"]
    tags: Int[Tensor, " time"]


def join_sentences(sentences: Sequence[Int[Tensor, "_ _"]]) -> Int[Tensor, "time batch columns"]:
    """Put sentences side by side.

    Args:
        sentences: words of each, as `Vocabulary.encode_words` returns them.

    Returns:
        One tensor, padded.
    """
    width = max(words.shape[1] for words in sentences)
    even = [
        torch.nn.functional.pad(words, (0, width - words.shape[1]), value=PADDING)
        for words in sentences
    ]
    return pad_sequence(even, padding_value=PADDING)


def join_tagged(sentences: Sequence[EncodedSentence]) -> Batch:
    """Put tagged sentences side by side.

    Args:
        sentences: at least one.

    Returns:
        The batch.
    """
    targets = pad_sequence([sentence.tags for sentence in sentences])
    lengths = torch.tensor([len(sentence.tags) for sentence in sentences])
    return Batch(join_sentences([sentence.words for sentence in sentences]), targets, lengths)


def cut_by_words(
    rows: Iterable[int], lengths: Sequence[int], words_at_once: int
) -> Iterator[list[int]]:
    """Cut sentences into batches of bounded size.

    Args:
        rows: which sentences, the shorter ones first.
        lengths: of all sentences.
        words_at_once: words of a batch, padding included, unless a single sentence has more.

    Yields:
        The rows of each batch.
    """
    batch: list[int] = []
    for row in rows:
        if batch and lengths[row] * (len(batch) + 1) > words_at_once:
            yield batch
            batch = []
        batch.append(row)
    if batch:
        yield batch


def within_memory(batches: Iterable[Rows], lengths: Sequence[int]) -> list[Rows]:
    """Cut batches that very long sentences would make too large.

    Args:
        batches: the rows of each, the shorter sentences first.
        lengths: of all sentences.

    Returns:
        The rows of each batch; the same where no batch is too large.
    """
    cut = (cut_by_words(rows.tolist(), lengths, WORDS_OF_A_BATCH) for rows in batches)
    return [np.array(rows) for rows in chain.from_iterable(cut)]


@dataclass(frozen=True)
class TaggingData:
    """Sentences to learn from, and a measure.

    Args:
        train: the sentences to learn from, as numbers.
        sentences: the same as they stand in the file.
        measure: returns the model's loss, nats a word, and its summary on held-out sentences.
        batch_size: sentences of a batch.
        seed: of their order, a new one each epoch.
    """

    train: Sequence[EncodedSentence]
    sentences: Sequence[TaggedSentence]
    measure: Callable[[], tuple[float, Mapping[str, float]]]
    batch_size: int
    seed: int

    def measures(self, loss: float) -> Mapping[str, float]:
        """Return nothing: a loss of tags says no more; see `TrainingData.measures`."""
        return {}

    def validate(self, model: Any, device: torch.device) -> Validation:
        """Return loss and shares on the held-out sentences; see `TrainingData.validate`.

        The best weights are those with the best F1, or accuracy where the tags are no spans; those
        with the least loss where there are no tags.
        """
        loss, summary = self.measure()
        measures = {name: value for name, value in summary.items() if isinstance(value, float)}
        best = measures.get("f1", measures.get("accuracy"))
        return Validation(loss, measures, rank=None if best is None else 1 - best)

    def batches(self, epoch: int) -> Sequence[Batch]:
        """Return the batches of an epoch; see `TrainingData.batches`."""
        draw = np.random.default_rng((self.seed, epoch))
        lengths = [len(sentence.tags) for sentence in self.train]
        rows = within_memory(shuffled_by_length(lengths, self.batch_size, draw), lengths)
        return Batches(self.train, rows, join_tagged)
