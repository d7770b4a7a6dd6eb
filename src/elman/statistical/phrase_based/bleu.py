"""BLEU from counts that add up over sentences."""

from collections import Counter
from collections.abc import Hashable, Sequence

import numpy as np
from jaxtyping import Float, Int

LONGEST_NGRAM = 4
COUNTS = 2 * LONGEST_NGRAM + 1
"""Matches of n-grams of each length, n-grams of each length, words of the reference."""


def bleu_counts(
    candidate: Sequence[Hashable], reference: Sequence[Hashable]
) -> Int[np.ndarray, " counts"]:
    """Count what BLEU needs to know of a translated sentence.

    Args:
        candidate: words of the translation.
        reference: words of the right one.

    Returns:
        `COUNTS` numbers: n-grams of the translation that are in the reference, of the lengths 1
        to 4; all n-grams of the translation; words of the reference.
    """
    counts = np.zeros(COUNTS, dtype=np.int64)
    for length in range(1, LONGEST_NGRAM + 1):
        wanted = _ngrams(reference, length)
        found = _ngrams(candidate, length)
        counts[length - 1] = (found & wanted).total()
        counts[LONGEST_NGRAM + length - 1] = found.total()
    counts[-1] = len(reference)
    return counts


def _ngrams(words: Sequence[Hashable], length: int) -> "Counter[tuple[Hashable, ...]]":
    return Counter(zip(*(words[first:] for first in range(length)), strict=False))


def bleu(counts: Int[np.ndarray, "*corpora counts"]) -> Float[np.ndarray, "*corpora"]:
    r"""Return the BLEU of summed counts.

    $$ \text{BLEU} = \min\big(1, e^{1 - r / c}\big) \prod_{n=1}^{4} p_n^{1/4} $$

    with the share p_n of n-grams that match, the words c of the translations and r of the
    references.

    Args:
        counts: sums of what `bleu_counts` returned, of one or more corpora.

    Returns:
        From 0 to 100; 0 where no n-gram of some length matches.

    Reference:
        Papineni, Roukos, Ward & Zhu 2002, "BLEU: a method for automatic evaluation of machine
        translation", section 2.3.
    """
    matches = counts[..., :LONGEST_NGRAM]
    possible = np.maximum(counts[..., LONGEST_NGRAM:-1], 1)
    words = possible[..., 0]
    with np.errstate(divide="ignore"):  # the logarithm of no match is the end of the product
        precision = np.log(matches / possible).mean(axis=-1)
    shortness = np.minimum(1 - counts[..., -1] / words, 0)
    return 100 * np.exp(precision + shortness)
