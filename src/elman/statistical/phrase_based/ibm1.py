"""Word translation probabilities by the first model of Brown et al.: every alignment alike."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from elman.statistical.phrase_based.corpus import Sentences, ranges

EMPTY = -1
"""The empty word, from which come target words that translate nothing."""


class Links(NamedTuple):
    """Every link that an alignment of some sentence pair can have.

    The links of a sentence pair are a block `[target length, 1 + source length]`, the empty word
    first; blocks follow each other.

    Args:
        pairs: the word pair of each link.
        rows: where the links of each target token start.
        blocks: where the block of each sentence pair starts.
        sources: the source word of each word pair, or `EMPTY`.
        targets: the target word of each word pair.
    """

    pairs: Int[np.ndarray, " links"]
    rows: Int[np.ndarray, " tokens"]
    blocks: Int[np.ndarray, " sentences"]
    sources: Int[np.ndarray, " pairs"]
    targets: Int[np.ndarray, " pairs"]


def link_words(source: Sentences, target: Sentences) -> Links:
    """List all links of sentence pairs.

    Args:
        source: the words that are translated.
        target: the words that translate them, as many sentences.

    Returns:
        The links.
    """
    widths = (source.lengths + 1)[target.owners]
    places = ranges(widths)
    starts = np.repeat(source.starts[target.owners], widths)
    with_empty = np.concatenate([[EMPTY], source.tokens])
    words = with_empty[np.where(places == 0, 0, starts + places)]
    span = int(target.tokens.max()) + 1
    keys, pairs = np.unique(
        (words + 1) * span + np.repeat(target.tokens, widths), return_inverse=True
    )
    blocks = target.lengths * (source.lengths + 1)
    return Links(
        pairs=pairs.astype(np.int32),
        rows=np.cumsum(widths) - widths,
        blocks=np.cumsum(blocks) - blocks,
        sources=keys // span - 1,
        targets=keys % span,
    )


def train_ibm1(links: Links, iterations: int) -> Float[np.ndarray, " pairs"]:
    r"""Estimate word translation probabilities by expectation maximisation.

    $$ p(a_j = i \mid f, e) = \frac{t(f_j \mid e_i)}{\sum_{i'=0}^{I} t(f_j \mid e_{i'})}, \quad
       t(f \mid e) \propto \sum_{\text{links of } e, f} p(a_j = i \mid f, e) $$

    Args:
        links: of the sentence pairs.
        iterations: at least 1; the first starts from equal probabilities.

    Returns:
        The probability of the target word given the source word, of each word pair.

    Reference:
        Brown, Della Pietra, Della Pietra & Mercer 1993, "The mathematics of statistical machine
        translation: parameter estimation", section 4.1.
    """
    widths = np.diff(np.append(links.rows, len(links.pairs)))
    probabilities = np.full(len(links.sources), 1.0)
    for _ in range(iterations):
        weights = probabilities[links.pairs]
        weights /= np.repeat(np.add.reduceat(weights, links.rows), widths)
        probabilities = normalise(links, np.bincount(links.pairs, weights, len(links.sources)))
    return probabilities


def normalise(links: Links, counts: Float[np.ndarray, " pairs"]) -> Float[np.ndarray, " pairs"]:
    """Divide the counts of word pairs by the sums of their source words.

    Args:
        links: whose word pairs they are.
        counts: expected occurrences of each.

    Returns:
        Probabilities of target words given source words.
    """
    totals = np.bincount(links.sources + 1, counts)
    return counts / totals[links.sources + 1]
