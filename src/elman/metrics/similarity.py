"""How alike vectors are, and whether people agree."""

from typing import TypedDict

import numpy as np
from jaxtyping import Float, Int


class SimilaritySummary(TypedDict):
    """Agreement of word vectors with what people say of pairs of words.

    Args:
        pairs: pairs of words that people have scored.
        found: pairs with a vector of both words; only these are measured.
        spearman: rank correlation of cosine and score, -1 to 1; NaN where there is none, for
            fewer than two pairs were found or all have one cosine or score.
    """

    pairs: int
    found: int
    spearman: float


def cosines(
    first: Float[np.ndarray, "*rows size"], second: Float[np.ndarray, "*rows size"]
) -> Float[np.ndarray, "*rows"]:
    r"""Measure how far vectors point in one direction.

    $$ \cos(u, v) = \frac{u \cdot v}{\lVert u \rVert \, \lVert v \rVert} $$

    Args:
        first: vectors.
        second: as many, or one for all.

    Returns:
        One number a pair, -1 to 1; 0 where a vector is zero.
    """
    products = (first * second).sum(axis=-1)
    lengths = np.linalg.norm(first, axis=-1) * np.linalg.norm(second, axis=-1)
    return np.divide(products, lengths, out=np.zeros(products.shape), where=lengths > 0)


def nearest(
    vectors: Float[np.ndarray, "words size"], place: int, count: int
) -> tuple[Int[np.ndarray, " count"], Float[np.ndarray, " count"]]:
    """Find the vectors that are most alike to one of them.

    Args:
        vectors: the vectors.
        place: which of them is asked about.
        count: how many others are wanted; all of them if there are not so many.

    Returns:
        Their places and cosines, the most alike first, of equal ones the first.
    """
    alike = cosines(vectors, vectors[place])
    order = np.argsort(-alike, kind="stable")
    order = order[order != place][:count]
    return order, alike[order]


def spearman(first: Float[np.ndarray, " items"], second: Float[np.ndarray, " items"]) -> float:
    r"""Correlate the ranks of two measurements; equal values share the mean of their ranks.

    $$ \rho = \frac{\mathrm{cov}(r_1, r_2)}{\sigma_{r_1} \sigma_{r_2}} $$

    Args:
        first: one measurement of some items.
        second: another of the same items.

    Returns:
        The correlation, -1 to 1; NaN where a measurement has fewer than two distinct values.

    Reference:
        Spearman 1904, "The proof and measurement of association between two things".
    """
    mean = (len(first) + 1) / 2  # of ranks from 1, whatever they are
    left, right = _ranks(first) - mean, _ranks(second) - mean
    scale = np.sqrt((left**2).sum() * (right**2).sum())
    return float((left * right).sum() / scale) if scale > 0 else float("nan")


def _ranks(values: Float[np.ndarray, " items"]) -> Float[np.ndarray, " items"]:
    """Return ranks from 1; equal values share the mean of those they take together."""
    _, places, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return (last - (counts - 1) / 2)[places]
