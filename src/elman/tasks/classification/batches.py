"""Texts and sequences as batches."""

from collections.abc import Sequence
from typing import NamedTuple, Self

import torch
import torch.nn.functional as F
from jaxtyping import Int, Shaped
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from elman.tasks.batches import LabelledBatch


class EncodedItem(NamedTuple):
    """A text or sequence as numbers.

    Args:
        steps: numbers of its words, characters or n-grams; or the numbers of each step, which
            for words may be those of its parts, padded with zeros.
        label: the number of its label; negative if the model does not know it.
    """

    steps: Shaped[Tensor, " time *step"]
    label: int


class ClassifierInputs(NamedTuple):
    """Items side by side.

    Args:
        steps: padded with zeros, at least one step.
        lengths: valid steps of each item, 0 to time.
    """

    steps: Shaped[Tensor, "time batch *step"]
    lengths: Int[Tensor, " batch"]

    def to(self, device: torch.device) -> Self:
        """Move the tensors.

        Args:
            device: where to.

        Returns:
            The same items there.
        """
        return type(self)(self.steps.to(device), self.lengths.to(device))


ClassifierBatch = LabelledBatch[ClassifierInputs]
"""Items to learn from; targets are the numbers of their labels."""


def make_batch(items: Sequence[EncodedItem]) -> ClassifierBatch:
    """Put items together.

    Args:
        items: at least one.

    Returns:
        The batch.
    """
    steps = pad_sequence(_even([item.steps for item in items]))
    if not len(steps):  # a batch of empty texts
        steps = steps.new_zeros(1, *steps.shape[1:])
    lengths = torch.tensor([len(item.steps) for item in items])
    return ClassifierBatch(
        ClassifierInputs(steps, lengths), torch.tensor([item.label for item in items])
    )


def _even(steps: list[Tensor]) -> list[Tensor]:
    """Give the steps of all items the same number of columns."""
    if steps[0].dim() == 1:
        return steps
    width = max(item.shape[1] for item in steps)
    return [F.pad(item, (0, width - item.shape[1])) for item in steps]
