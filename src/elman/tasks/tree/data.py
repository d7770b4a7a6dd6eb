"""What a recursive network learns from."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional as F

from elman.metrics import SentimentSummary, sentiment_summary
from elman.tasks.batches import Batches, cut
from elman.tasks.task import Validation
from elman.tasks.tree.batches import EncodedTree, TreeBatch, make_batch
from elman.tasks.tree.model import TreeModel

TREES_AT_ONCE = 64
"""Trees classified together where nothing is learnt; bounds the memory, changes no number."""


@dataclass(frozen=True)
class TreeData:
    """Trees to learn from, and trees to measure on.

    Args:
        train: the trees to learn from.
        valid: the trees to measure on.
        batch_size: trees of a batch.
        seed: of the order of the trees, a new one each epoch.
    """

    train: list[EncodedTree]
    valid: list[EncodedTree]
    batch_size: int
    seed: int

    def batches(self, epoch: int) -> Sequence[TreeBatch]:
        """Return the batches of an epoch; see `TrainingData.batches`."""
        order = np.random.default_rng((self.seed, epoch)).permutation(len(self.train))
        return Batches(self.train, cut(order, self.batch_size), make_batch)

    def measures(self, loss: float) -> Mapping[str, float]:
        """Return nothing: a loss of nodes says no more; see `TrainingData.measures`."""
        return {}

    def validate(self, model: TreeModel, device: torch.device) -> Validation:
        """Return loss and accuracies on the held-out trees; see `TrainingData.validate`."""
        found = measure(model, self.valid, device)
        measures = {
            "accuracy": found["accuracy"],
            "root_accuracy": found["root_accuracy"],
            "binary_accuracy": found["binary_accuracy"],
        }
        return Validation(found["loss"], measures)


def classify(
    model: TreeModel, trees: Sequence[EncodedTree], device: torch.device
) -> Iterator[tuple[torch.Tensor, TreeBatch]]:
    """Classify the nodes of trees, some trees at a time.

    Args:
        model: the model.
        trees: the trees.
        device: where the model is.

    Yields:
        Log-probabilities `[nodes, classes]` and the batch they are of.
    """
    for batch in Batches(trees, cut(np.arange(len(trees)), TREES_AT_ONCE), make_batch):
        with torch.inference_mode():
            logits, _ = model(batch.to(device).inputs)
            yield F.log_softmax(logits.double(), dim=-1).cpu(), batch


def measure(
    model: TreeModel, trees: Sequence[EncodedTree], device: torch.device
) -> SentimentSummary:
    """Measure a model on labelled trees.

    Args:
        model: the model.
        trees: the trees.
        device: where the model is.

    Returns:
        Loss and accuracies.
    """
    log_probs, labels, roots, nodes = [], [], [], 0
    for found, batch in classify(model, trees, device):
        log_probs.append(found.numpy())
        labels.append(batch.targets.numpy())
        roots.append(batch.inputs.trees.roots.numpy() + nodes)
        nodes += len(batch.targets)
    return sentiment_summary(*map(np.concatenate, (log_probs, labels, roots)))
