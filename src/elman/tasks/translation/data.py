"""What a translation learns from."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np
import torch
from jaxtyping import Int

from elman.tasks.batches import Batches
from elman.tasks.task import TrainingBatch, Validation
from elman.tasks.translation.batches import (
    EncodedPair,
    TranslationBatch,
    join_pairs,
    shuffled_by_tokens,
)
from elman.tasks.translation.reading import Pair


@dataclass(frozen=True)
class TranslationData:
    """Pairs to learn from, and a measure.

    Args:
        train: the pairs to learn from.
        end: the target's end.
        measure: returns the model's loss, nats a token, and further numbers on held-out pairs.
        batch_size: pairs of a batch in the mean; batches have like token counts.
        seed: of their order, a new one each epoch.
    """

    train: Sequence[EncodedPair]
    end: int
    measure: Callable[[], tuple[float, Mapping[str, float]]]
    batch_size: int
    seed: int

    def measures(self, loss: float) -> Mapping[str, float]:
        """Return the perplexity; see `TrainingData.measures`."""
        return {"perplexity": math.exp(min(loss, 700.0))}

    def validate(self, model: Any, device: torch.device) -> Validation:
        """Return loss and measures on the held-out pairs; see `TrainingData.validate`.

        The best weights are those with the fewest wrong pronunciations, else with the least loss.
        """
        loss, measures = self.measure()
        return Validation(loss, measures, rank=measures.get("word_error"))

    def batches(self, epoch: int) -> Sequence[TranslationBatch]:
        """Return the batches of an epoch; see `TrainingData.batches`."""
        draw = np.random.default_rng((self.seed, epoch))
        rows = shuffled_by_tokens(self.sizes, self.batch_size, draw)
        return Batches(self.train, rows, partial(join_pairs, end=self.end))

    @cached_property
    def sizes(self) -> Int[np.ndarray, "pairs sides"]:
        """Tokens of either side of the pairs."""
        return np.array([[len(ids) for ids in pair] for pair in self.train])


@dataclass(frozen=True)
class CountedPairs:
    """Pairs that are counted, and a measure.

    Args:
        pairs: raw lines.
        measure: returns how good translations of the held-out pairs are.
        seed: of what is drawn when weights are tuned.
    """

    pairs: Sequence[Pair]
    measure: Callable[[], Mapping[str, float]]
    seed: int
    batch_size = 1

    def batches(self, epoch: int) -> Sequence[TrainingBatch]:
        """Return none, for all is counted at once; see `TrainingData.batches`."""
        return []

    def measures(self, loss: float) -> Mapping[str, float]:
        """Return nothing; see `TrainingData.measures`."""
        return {}

    def validate(self, model: Any, device: torch.device) -> Validation:
        """Return the measures; see `TrainingData.validate`.

        Scores of phrases are no probabilities: the loss is what the measures lack to perfection.
        """
        measures = self.measure()
        return Validation(measures.get("word_error", 1 - measures.get("bleu", 0) / 100), measures)
