"""How well the words of phrase pairs translate each other."""

import numpy as np
from jaxtyping import Float

from elman.statistical.phrase_based.corpus import Sentences
from elman.statistical.phrase_based.extraction import Alignment, Spans
from elman.statistical.phrase_based.ibm1 import EMPTY


def lexical_weights(
    source: Sentences, target: Sentences, alignment: Alignment, targets: Spans
) -> Float[np.ndarray, " pairs"]:
    r"""Return the logarithm of the lexical weight of phrase occurrences.

    $$ p_w(e \mid f, a) = \prod_j \frac{1}{|\{i : (i, j) \in a\}|}
       \sum_{(i, j) \in a} w(e_j \mid f_i) $$

    where w are relative frequencies of aligned words, and a word without points comes from the
    empty word. All points of the words of a phrase lie within its pair, so a word adds the same
    to every phrase that it is in.

    Args:
        source: source sentences.
        target: target sentences.
        alignment: of their words.
        targets: where the target phrases stand.

    Returns:
        Nats, at most 0.

    Reference:
        Koehn, Och & Marcu 2003, "Statistical phrase-based translation", equations 6 to 8.
    """
    each = np.log(_word_weights(source, target, alignment))
    sums = np.concatenate([[0.0], np.cumsum(each)])
    return sums[targets.starts + targets.lengths] - sums[targets.starts]


def _word_weights(
    source: Sentences, target: Sentences, alignment: Alignment
) -> Float[np.ndarray, " tokens"]:
    """Return the mean translation probability of each target word from its source words."""
    points = np.bincount(alignment.targets, minlength=len(target.tokens))
    loose = np.flatnonzero(points == 0)
    places = np.concatenate([alignment.targets, loose])
    origins = np.concatenate([source.tokens[alignment.sources], np.full(len(loose), EMPTY)]) + 1
    keys = origins * (int(target.tokens.max()) + 1) + target.tokens[places]
    _, pairs, counts = np.unique(keys, return_inverse=True, return_counts=True)
    shares = counts[pairs] / np.bincount(origins)[origins]
    return np.bincount(places, shares) / np.maximum(points, 1)
