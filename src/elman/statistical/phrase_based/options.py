"""What each part of a sentence can become, and what the parts will cost."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from elman.statistical.phrase_based.extraction import DISCONTINUOUS, MONOTONE
from elman.statistical.phrase_based.features import (
    FIRST_ORIENTATION,
    LANGUAGE_MODEL,
    PHRASES,
    WORDS,
)
from elman.statistical.phrase_based.language_model import Context, WordByWord
from elman.statistical.phrase_based.phrase_table import Found, PhraseTable

MOST_TRIED = 20
"""Translations of a part that the decoder tries."""

NEW_WORD = -1
"""The row of a word that the table lacks, which stays as it is."""


class Option(NamedTuple):
    """A translation of a part of the sentence.

    Args:
        start: first word of the part.
        end: word after the part.
        row: its place in the phrase table, or `NEW_WORD`.
        target: its words.
        score: weighted features but orientation, distortion and language model.
        orientations: weighted log-probability of each orientation.
    """

    start: int
    end: int
    row: int
    target: tuple[int, ...]
    score: float
    orientations: tuple[float, ...]


class Choice(NamedTuple):
    """An option under an orientation.

    Args:
        score: weighted features but distortion and language model.
        option: the option.
    """

    score: float
    option: Option


class SentenceOptions(NamedTuple):
    """What a decoder needs to know of a sentence.

    Args:
        length: source words.
        choices: of each part, by start and end: under each orientation the options, best first.
        future: `[start][end]`, the best score that the words from start to end may get.
    """

    length: int
    choices: dict[tuple[int, int], list[list[Choice]]]
    future: list[list[float]]


def gather_options(
    sentence: Sequence[int],
    copies: Sequence[int],
    table: PhraseTable,
    language_model: WordByWord,
    weights: Float[np.ndarray, " features"],
) -> SentenceOptions:
    """Look up what the parts of a sentence can become.

    Args:
        sentence: source words; -1 for unknown ones.
        copies: the target word that each becomes where the table lacks it.
        table: the phrase table.
        language_model: of target words.
        weights: of the features.

    Returns:
        The options and the future costs.

    Reference:
        Koehn, Och & Marcu 2003, "Statistical phrase-based translation", section 2.2 (future
        cost). Differs: the estimates know nothing of reordering.
    """
    parts: dict[tuple[int, int], list[Option]] = {}
    for found in table.find(sentence):
        parts[found.start, found.end] = _table_options(found, table, weights)
    for place, copy in enumerate(copies):
        if (place, place + 1) not in parts:
            parts[place, place + 1] = [_copy(place, copy, weights)]
    length = len(sentence)
    choices, best = {}, {}
    for part, options in parts.items():
        estimates = [o.score + _estimate(o.target, language_model, weights) for o in options]
        ranked = sorted(zip(estimates, options, strict=True), key=lambda e: -e[0])[:MOST_TRIED]
        best[part] = ranked[0][0]
        choices[part] = [_ranked(ranked, kind) for kind in range(MONOTONE, DISCONTINUOUS + 1)]
    return SentenceOptions(length, choices, _future(length, best))


def _table_options(
    found: Found, table: PhraseTable, weights: Float[np.ndarray, " features"]
) -> list[Option]:
    rows = table.features[found.first : found.last].astype(np.float64)
    own = rows[:, :FIRST_ORIENTATION] @ weights[:FIRST_ORIENTATION] + weights[PHRASES]
    orientations = rows[:, FIRST_ORIENTATION:] * weights[FIRST_ORIENTATION:PHRASES]
    bounds = table.targets.starts[found.first : found.last + 1].tolist()
    tokens = table.targets.tokens[bounds[0] : bounds[-1]].tolist()
    options = []
    for place, (score, orders) in enumerate(zip(own.tolist(), orientations.tolist(), strict=True)):
        target = tuple(tokens[bounds[place] - bounds[0] : bounds[place + 1] - bounds[0]])
        total = score + float(weights[WORDS]) * len(target)
        options.append(
            Option(found.start, found.end, found.first + place, target, total, tuple(orders))
        )
    return options


def _copy(place: int, word: int, weights: Float[np.ndarray, " features"]) -> Option:
    score = float(weights[PHRASES] + weights[WORDS])
    return Option(place, place + 1, NEW_WORD, (word,), score, (0.0, 0.0, 0.0))


def _estimate(
    target: tuple[int, ...], language_model: WordByWord, weights: Float[np.ndarray, " features"]
) -> float:
    """Score words whose context is not known yet."""
    context: Context = ()
    total = 0.0
    for word in target:
        score, context = language_model.advance(context, word)
        total += score
    return float(weights[LANGUAGE_MODEL]) * total


def _ranked(ranked: list[tuple[float, Option]], kind: int) -> list[Choice]:
    """Order options by what they are worth under an orientation."""
    ordered = sorted(ranked, key=lambda pair: -pair[0] - pair[1].orientations[kind])
    return [Choice(option.score + option.orientations[kind], option) for _, option in ordered]


def _future(length: int, best: dict[tuple[int, int], float]) -> list[list[float]]:
    future = [[0.0] * (length + 1) for _ in range(length + 1)]
    for size in range(1, length + 1):
        for start in range(length - size + 1):
            end = start + size
            whole = best.get((start, end), -np.inf)
            cuts = (future[start][cut] + future[cut][end] for cut in range(start + 1, end))
            future[start][end] = max(whole, max(cuts, default=-np.inf))
    return future
