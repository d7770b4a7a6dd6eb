"""From items to the scores of their classes, many items at a time."""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float

from elman.tasks.batches import Batches, by_length
from elman.tasks.classification.batches import EncodedItem, make_batch
from elman.tasks.classification.network import Classifier

ITEMS_AT_ONCE = 64
"""Items scored together where nothing is learnt; bounds the memory."""


@torch.inference_mode()
def score(
    model: Classifier, items: Sequence[EncodedItem], device: torch.device
) -> tuple[Float[np.ndarray, "items classes"], list[Float[np.ndarray, " _"]] | None]:
    """Score the classes of items.

    Args:
        model: the model.
        items: at least one.
        device: where the model is.

    Returns:
        Logits, before the temperature, and the share of each step of each item, None if there is
        none; in the order of the items.
    """
    rows = by_length([len(item.steps) for item in items], np.arange(len(items)), ITEMS_AT_ONCE)
    logits, weights = [], []
    for batch in Batches(items, rows, make_batch):
        inputs = batch.to(device).inputs
        found, shares = model.read(inputs)
        logits.append(found.double().cpu().numpy())
        if shares is not None:
            pairs = zip(shares.T.float().cpu().numpy(), inputs.lengths.tolist(), strict=True)
            weights += [row[:length] for row, length in pairs]
    back = np.argsort(np.concatenate(rows), kind="stable")
    return np.concatenate(logits)[back], [weights[row] for row in back] if weights else None
