"""Tuning: decode, collect the translations found, find weights under which they score best."""

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from elman.statistical.phrase_based.bleu import COUNTS, bleu, bleu_counts
from elman.statistical.phrase_based.features import FEATURES, LOWEST_WEIGHTS
from elman.statistical.phrase_based.mert import NBestLists, tune
from elman.statistical.phrase_based.model import PhraseModel
from elman.statistical.phrase_based.n_best import feature_values
from elman.statistical.phrase_based.stack_decoder import Limits
from elman.statistical.phrase_based.training import WordPair

ROUNDS = 10
"""Times that all sentences are decoded, at most."""
LISTED = 100
"""Translations of a sentence that are looked at in a round."""
NARROW = Limits(stack=50)
"""How much is searched while tuning."""
PATIENCE = 3
"""Rounds without a better BLEU after which tuning ends; the first lists are easily misled by."""


class Candidate(NamedTuple):
    """A translation in a list.

    Args:
        features: its features.
        counts: what BLEU needs of it.
    """

    features: Float[np.ndarray, " features"]
    counts: Int[np.ndarray, " counts"]


class Tuned(NamedTuple):
    """What tuning found.

    Args:
        weights: of the features.
        scores: BLEU of the translations found in each round, with the weights before it.
    """

    weights: Float[np.ndarray, " features"]
    scores: list[float]


def tune_weights(
    model: PhraseModel, pairs: Sequence[WordPair], seed: int, say: Callable[[str], None]
) -> Tuned:
    """Find weights with which a model translates sentences best.

    Args:
        model: the model; its weights are changed, and are the best ones in the end.
        pairs: sentences that the model was not counted on.
        seed: of random directions.
        say: takes a line after each round.

    Returns:
        The weights that had the best BLEU in decoding.

    Reference:
        Och 2003, "Minimum error rate training in statistical machine translation", section 5.
    """
    generator = np.random.default_rng(seed)
    pools: list[dict[bytes, Candidate]] = [{} for _ in pairs]
    tried: list[Float[np.ndarray, " features"]] = []
    scores: list[float] = []
    for _ in range(ROUNDS):
        total = np.zeros(COUNTS, dtype=np.int64)
        for pool, pair in zip(pools, pairs, strict=True):
            found = list(_candidates(model, pair))
            total += found[0].counts
            pool.update((candidate.features.tobytes(), candidate) for candidate in found)
        tried.append(model.weights)
        scores.append(float(bleu(total)))
        say(f"tuning, round {len(scores)} of {ROUNDS} at most: BLEU {scores[-1]:.2f}")
        if len(scores) - 1 - int(np.argmax(scores)) == PATIENCE:
            break
        model.weights, _ = tune(_lists(pools), model.weights, LOWEST_WEIGHTS, generator)
    model.weights = tried[int(np.argmax(scores))]
    return Tuned(model.weights, scores)


def _candidates(model: PhraseModel, pair: WordPair) -> Iterator[Candidate]:
    counted: dict[tuple[str, ...], Int[np.ndarray, " counts"]] = {}
    for translation in islice(model.search(pair.source, NARROW), LISTED):
        phrases = model.phrases(translation, pair.source)
        words = tuple(word for phrase in phrases for word in phrase.words)
        if words not in counted:  # the same words come by other phrases again and again
            counted[words] = bleu_counts(words, pair.target)
        yield Candidate(feature_values(translation, model.table), counted[words])


def _lists(pools: Sequence[dict[bytes, Candidate]]) -> NBestLists:
    longest = max(map(len, pools))
    features = np.zeros((len(pools), longest, len(FEATURES)))
    counts = np.zeros((len(pools), longest, COUNTS), dtype=np.int64)
    for row, pool in enumerate(pools):
        for place, candidate in enumerate(pool.values()):
            features[row, place], counts[row, place] = candidate
    present = np.arange(longest) < np.array([[len(pool)] for pool in pools])
    return NBestLists(features, counts, present)
