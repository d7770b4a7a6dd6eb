"""Discounts of modified Kneser-Ney smoothing: estimated, and taken from the counts of an order."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from elman.statistical.counting import NGramTable

FALLBACK_DISCOUNTS = (0.5, 1.0, 1.5)


class Smoothed(NamedTuple):
    """One order of the model, ready to be mixed with the order below."""

    discounted: Float[np.ndarray, " ngrams"]
    """(c(hw) - D(c(hw))) / c(h) of each n-gram of the table."""
    backoff: Float[np.ndarray, " contexts"]
    """gamma(h), the mass left to the order below in each context of the table."""


def estimate_discounts(counts: Int[np.ndarray, " ngrams"]) -> Float[np.ndarray, "3"]:
    """Estimate the discounts D1, D2, D3+ of one order from its counts of counts.

    With n_r the number of n-grams that count r times and Y = n1 / (n1 + 2 n2):
    D1 = 1 - 2 Y n2 / n1, D2 = 2 - 3 Y n3 / n2, D3+ = 3 - 4 Y n4 / n3.

    Args:
        counts: of all n-grams of the order, each at least 1.

    Returns:
        D1, D2 and D3+. All three are 0.5, 1, 1.5 where n1, n2 or n3 is zero or one of the
        equations gives no positive number, as small texts and small vocabularies have it.

    Reference:
        Chen & Goodman 1999, "An empirical study of smoothing techniques for language modeling",
        section 3, the equations of Y, D1, D2 and D3+. Differs: the fallback.
    """
    n1, n2, n3, n4 = np.bincount(np.minimum(counts, 5), minlength=6)[1:5].tolist()
    if not (n1 and n2 and n3):
        return np.array(FALLBACK_DISCOUNTS)
    y = n1 / (n1 + 2 * n2)
    discounts = np.array([1 - 2 * y * n2 / n1, 2 - 3 * y * n3 / n2, 3 - 4 * y * n4 / n3])
    return discounts if (discounts > 0).all() else np.array(FALLBACK_DISCOUNTS)


def smooth(
    table: NGramTable, discounts: Float[np.ndarray, "3"], *, vocabulary_size: int
) -> Smoothed:
    """Take the discounts from the counts of one order and see what each context has left.

    Args:
        table: the order's n-grams with their adjusted counts.
        discounts: D1, D2, D3+ of the order.
        vocabulary_size: number of token ids.

    Returns:
        The discounted probabilities and the mass that the order below receives.
    """
    context_ids = table.ngram_keys // vocabulary_size
    discount = discounts[np.minimum(table.counts, 3) - 1]
    num_contexts = len(table.context_keys)
    totals = np.bincount(context_ids, table.counts, minlength=num_contexts)
    return Smoothed(
        discounted=(table.counts - discount) / totals[context_ids],
        backoff=np.bincount(context_ids, discount, minlength=num_contexts) / totals,
    )
