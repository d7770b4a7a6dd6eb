"""Where in a sequence a model predicts well."""

import numpy as np
from jaxtyping import Float, Int


def mean_loss_by_position(
    losses: Float[np.ndarray, " tokens"], positions: Int[np.ndarray, " tokens"]
) -> tuple[Float[np.ndarray, " positions"], Int[np.ndarray, " positions"]]:
    """Average losses over the tokens at each position of their sequences.

    Args:
        losses: loss of each token, nats.
        positions: place of each token in its sequence, from 0.

    Returns:
        means: mean loss at positions 0, 1, ...; NaN where no token stood.
        counts: tokens at each position.
    """
    counts = np.bincount(positions)
    totals = np.bincount(positions, weights=losses)
    means = np.divide(totals, counts, out=np.full(len(counts), np.nan), where=counts > 0)
    return means, counts
