"""Probabilities that mean what they say."""

import numpy as np
from jaxtyping import Float, Int

COLDEST, HOTTEST = 0.2, 10.0
"""Temperatures beyond these are not taken, as a few items that are all right would want 0."""
HALVINGS = 40


def fit_temperature(
    logits: Float[np.ndarray, "items classes"], labels: Int[np.ndarray, " items"]
) -> float:
    r"""Find the temperature at which held-out labels are the most probable.

    $$ \hat T = \arg\min_T -\sum_i \log \mathrm{softmax}(z_i / T)_{y_i} $$

    The loss is convex in $\beta = 1/T$, and its slope $\sum_i \mathrm{E}_{p_i}[z_i] - z_{i,y_i}$
    is halved between bounds.

    Args:
        logits: of items that were not learnt from.
        labels: their classes.

    Returns:
        The temperature, from `COLDEST` to `HOTTEST`; the answers it gives are the same.

    Reference:
        Guo et al. 2017, "On calibration of modern neural networks", section 4.2.
    """
    centred = logits - logits.max(axis=1, keepdims=True)
    wanted = np.take_along_axis(centred, labels[:, None], axis=1).sum()
    low, high = 1 / HOTTEST, 1 / COLDEST
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        powers = np.exp(middle * centred)
        expected = ((powers * centred).sum(axis=1) / powers.sum(axis=1)).sum()
        low, high = (middle, high) if expected < wanted else (low, middle)
    return 2 / (low + high)
