"""What a network that fills gaps learns from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch

from elman.data.batches import length_buckets
from elman.metrics import perplexity
from elman.tasks.batches import Batches
from elman.tasks.filling.batches import FillingBatch, Sentences, join_sentences
from elman.tasks.filling.gaps import measure
from elman.tasks.filling.model import FillingModel
from elman.tasks.task import Validation


@dataclass(frozen=True)
class FillingData:
    """Sentences to learn from, and sentences to measure on.

    Args:
        train: the sentences to learn from.
        valid: the sentences to measure on.
        boundary: the token before and after each.
        batch_size: rows; with `unroll` it says how many words a batch has.
        unroll: steps; a batch has at most `batch_size` x `unroll` words, or one sentence.
        seed: of the order of the sentences, a new one each epoch.
    """

    train: Sentences
    valid: Sentences
    boundary: int
    batch_size: int
    unroll: int
    seed: int

    def batches(self, epoch: int) -> Sequence[FillingBatch]:
        """Return the batches of an epoch; see `TrainingData.batches`."""
        draw = np.random.default_rng((self.seed, epoch))
        order = draw.permutation(len(self.train))
        buckets = length_buckets(self.train.lengths[order], self.batch_size * self.unroll)
        draw.shuffle(buckets)
        make = partial(join_sentences, boundary=self.boundary)
        return Batches(self.train, [order[bucket] for bucket in buckets], make)

    def measures(self, loss: float) -> Mapping[str, float]:
        """Return the pseudo-perplexity; see `TrainingData.measures`."""
        return {"pseudo_perplexity": perplexity(loss)}

    def validate(self, model: FillingModel, device: torch.device) -> Validation:
        """Measure a model on the held-out sentences; see `TrainingData.validate`."""
        found = measure(model, self.valid, self.boundary, device)
        shown = {"accuracy": found["accuracy"], "mean_rank": found["mean_rank"]}
        return Validation(found["loss"], {**self.measures(found["loss"]), **shown})
