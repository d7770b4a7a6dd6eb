"""What a tagger learns from."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from elman.data import Batch
from elman.data.conll import TaggedSentence
from elman.metrics import TaggingSummary
from elman.tasks.batches import Batches, shuffled_by_length
from elman.tasks.tagging.vocabulary import PADDING
from elman.tasks.task import Validation


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
    measure: Callable[[], tuple[float, TaggingSummary]]
    batch_size: int
    seed: int

    def measures(self, loss: float) -> Mapping[str, float]:
        """Return nothing: a loss of tags says no more; see `TrainingData.measures`."""
        return {}

    def validate(self, model: Any, device: torch.device) -> Validation:
        """Return loss and shares on the held-out sentences; see `TrainingData.validate`.

        The best weights are those with the best F1, or accuracy where the tags are no spans.
        """
        loss, summary = self.measure()
        measures = {name: value for name, value in summary.items() if isinstance(value, float)}
        best = measures.get("f1", measures["accuracy"])
        return Validation(loss, measures, rank=1 - best)

    def batches(self, epoch: int) -> Sequence[Batch]:
        """Return the batches of an epoch; see `TrainingData.batches`."""
        draw = np.random.default_rng((self.seed, epoch))
        lengths = [len(sentence.tags) for sentence in self.train]
        return Batches(self.train, shuffled_by_length(lengths, self.batch_size, draw), join_tagged)
