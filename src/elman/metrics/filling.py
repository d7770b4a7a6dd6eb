"""How well missing words are found."""

from typing import TypedDict

import numpy as np
from jaxtyping import Float, Int

from elman.metrics.language import perplexity


class FillingSummary(TypedDict):
    """The quality of what a model puts into gaps.

    Args:
        sentences: sentences measured.
        words: gaps, one at each word.
        loss: mean negative log-likelihood of the missing words, nats.
        pseudo_perplexity: exp(loss); no perplexity where a model sees what comes after a gap, for
            its probabilities are then no chain that makes up the probability of a text.
        accuracy: share of the gaps whose missing word is the most probable one.
        mean_rank: mean place of the missing word among all words by their probability, from 1.
        median_rank: the median of the same.
    """

    sentences: int
    words: int
    loss: float
    pseudo_perplexity: float
    accuracy: float
    mean_rank: float
    median_rank: float


def filling_summary(
    log_probs: Float[np.ndarray, " words"], ranks: Int[np.ndarray, " words"], *, sentences: int
) -> FillingSummary:
    """Sum up what a model made of gaps.

    Args:
        log_probs: of the missing words, nats.
        ranks: of the missing words, 1 for the most probable.
        sentences: how many sentences these are of.

    Returns:
        The measures.

    Raises:
        ValueError: if there is no word.

    Reference:
        Salazar, Liang, Nguyen & Kirchhoff 2020, "Masked language model scoring", equation 2
        (pseudo-perplexity).
    """
    if not len(ranks):
        raise ValueError("A summary needs at least one gap.")
    loss = float(-log_probs.mean())
    return FillingSummary(
        sentences=sentences,
        words=len(ranks),
        loss=loss,
        pseudo_perplexity=perplexity(loss),
        accuracy=float((ranks == 1).mean()),
        mean_rank=float(ranks.mean()),
        median_rank=float(np.median(ranks)),
    )
