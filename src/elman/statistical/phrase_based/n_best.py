"""The best translations of what a stack decoder has searched, in order."""

import heapq
from collections.abc import Iterator
from itertools import count
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from elman.statistical.phrase_based.features import (
    DISTORTION,
    FEATURES,
    FIRST_ORIENTATION,
    LANGUAGE_MODEL,
    PHRASES,
    WORDS,
)
from elman.statistical.phrase_based.options import NEW_WORD
from elman.statistical.phrase_based.phrase_table import PhraseTable
from elman.statistical.phrase_based.stack_decoder import Arc, Hypothesis

DIGITS = 9
"""Scores that agree in so many decimal digits are equal."""


class Translation(NamedTuple):
    """A translation.

    Args:
        words: target words.
        score: weighted sum of the features.
        arcs: the phrases, in the order of the translation.
    """

    words: tuple[int, ...]
    score: float
    arcs: tuple[Arc, ...]


def best_translations(end: Hypothesis) -> Iterator[Translation]:
    """Yield all translations that a search has seen, best first.

    Ways back from the end are followed best first. The score of a hypothesis is the best of all
    ways to it, so the order is exact up to `DIGITS`. The same words may come several times, by
    other phrases.

    Args:
        end: what the decoder found.

    Yields:
        One translation after the other.
    """
    # Of equal scores the way begun last is followed first: else all of them grow side by side.
    ticket = count(step=-1)
    queue: list[tuple[float, int, float, Hypothesis, tuple[Arc, ...]]] = [
        (-end.score, next(ticket), 0.0, end, ())
    ]
    while queue:
        _, _, rest, hypothesis, arcs = heapq.heappop(queue)
        if not hypothesis.arcs:
            words = (word for arc in arcs if arc.option for word in arc.option.target)
            yield Translation(tuple(words), rest, arcs)
        for arc in hypothesis.arcs:
            behind = rest + arc.score
            # Rounded, for the sums of one way differ in the last digits with what is added when.
            whole = round(-arc.previous.score - behind, DIGITS)
            entry = whole, next(ticket), behind, arc.previous, (arc, *arcs)
            heapq.heappush(queue, entry)


def feature_values(translation: Translation, table: PhraseTable) -> Float[np.ndarray, " features"]:
    """Return what a translation has of each feature.

    Args:
        translation: the translation.
        table: the phrase table it was made by.

    Returns:
        The values, whose weighted sum is its score.
    """
    values = np.zeros(len(FEATURES))
    place = 0
    for arc in translation.arcs:
        values[LANGUAGE_MODEL] += arc.language_model
        if arc.option is None:
            continue
        values[PHRASES] += 1
        values[WORDS] += len(arc.option.target)
        values[DISTORTION] -= abs(arc.option.start - place)
        place = arc.option.end
        if arc.option.row != NEW_WORD:
            row = table.features[arc.option.row]
            values[:FIRST_ORIENTATION] += row[:FIRST_ORIENTATION]
            values[FIRST_ORIENTATION + arc.orientation] += row[FIRST_ORIENTATION + arc.orientation]
    return values
