"""Minimum error rate training: weights under which the best of n-best lists score the most BLEU."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from elman.statistical.phrase_based.bleu import bleu

RESTARTS = 8
"""Random weights that a search starts from, besides the given ones."""
MARGIN = 0.2
"""How far beyond the last corner a step may go."""
SMALLEST_GAIN = 0.01
"""BLEU that a round must bring for another to follow."""


class NBestLists(NamedTuple):
    """Translations of many sentences.

    Args:
        features: of each translation.
        counts: what BLEU needs of each.
        present: False where a sentence has fewer translations than others.
    """

    features: Float[np.ndarray, "sentences n features"]
    counts: Int[np.ndarray, "sentences n counts"]
    present: Bool[np.ndarray, "sentences n"]


def tune(
    lists: NBestLists,
    start: Float[np.ndarray, " features"],
    lowest: Float[np.ndarray, " features"],
    generator: np.random.Generator,
) -> tuple[Float[np.ndarray, " features"], float]:
    """Find weights under which the best translations of lists have the highest BLEU.

    From the given and from random weights, the best step along each feature and along random
    directions is taken, until none gains any more.

    Args:
        lists: the translations.
        start: weights to start from.
        lowest: what weights may not go below, not above zero.
        generator: of random starts and directions.

    Returns:
        The best weights found, their absolute values adding up to 1, and their BLEU.

    Reference:
        Och 2003, "Minimum error rate training in statistical machine translation", section 4.
    """
    draws = generator.uniform(-0.2, 1.0, (RESTARTS, len(start)))
    starts = [start, *np.maximum(draws, lowest)]
    climbed = [_climb(lists, weights, lowest, generator) for weights in starts]
    weights, score = max(climbed, key=lambda found: found[1])
    return weights / np.abs(weights).sum(), score


def _climb(
    lists: NBestLists,
    weights: Float[np.ndarray, " features"],
    lowest: Float[np.ndarray, " features"],
    generator: np.random.Generator,
) -> tuple[Float[np.ndarray, " features"], float]:
    best = corpus_bleu(lists, weights)
    while True:
        directions = [*np.eye(len(weights)), *generator.normal(size=(len(weights), len(weights)))]
        found = [line_search(lists, weights, direction, lowest) for direction in directions]
        chosen = int(np.argmax([score for _, score in found]))
        (step, score), direction = found[chosen], directions[chosen]
        if score < best + SMALLEST_GAIN:
            return weights, best
        weights, best = weights + step * direction, score


def corpus_bleu(lists: NBestLists, weights: Float[np.ndarray, " features"]) -> float:
    """Return the BLEU of the best translations under weights.

    Args:
        lists: the translations.
        weights: of the features.

    Returns:
        From 0 to 100.
    """
    scores = np.where(lists.present, lists.features @ weights, -np.inf)
    best = scores.argmax(axis=1)
    return float(bleu(lists.counts[np.arange(len(best)), best].sum(axis=0)))


def line_search(
    lists: NBestLists,
    weights: Float[np.ndarray, " features"],
    direction: Float[np.ndarray, " features"],
    lowest: Float[np.ndarray, " features"],
) -> tuple[float, float]:
    """Find the best step along a direction, exactly.

    Along it, the score of each translation is a line; the best of a sentence changes where the
    upper envelope of its lines has a corner. BLEU is constant between corners.

    Args:
        lists: the translations.
        weights: where the search starts.
        direction: what it goes along.
        lowest: what weights may not go below.

    Returns:
        The step, in the middle of the best interval, and the BLEU there; minus infinity if there
        is no room for a step.
    """
    offsets = np.where(lists.present, lists.features @ weights, -np.inf)
    slopes = lists.features @ direction
    start = _lowest_slopes(offsets, slopes)
    total = lists.counts[np.arange(len(start)), start].sum(axis=0)
    places, changes = [np.empty(0)], [np.empty((0, len(total)), dtype=np.int64)]
    for corner in _corners(offsets, slopes, start):
        places.append(corner.steps)
        before = lists.counts[corner.rows, corner.before]
        changes.append(lists.counts[corner.rows, corner.after] - before)
    corners = np.concatenate(places)
    order = np.argsort(corners, kind="stable")
    corners = corners[order]
    totals = total + np.concatenate(
        [total[None] * 0, np.concatenate(changes)[order].cumsum(axis=0)]
    )
    first, last = (corners[0], corners[-1]) if len(corners) else (0.0, 0.0)
    least, most = _room(weights, direction, lowest)
    ends = [first - MARGIN], corners, [last + MARGIN]
    return _best_interval(np.clip(np.concatenate(ends), least, most), bleu(totals))


class Corners(NamedTuple):
    """Where the best translation of some sentences changes.

    Args:
        steps: how far along the direction.
        rows: the sentences.
        before: the best translation until there.
        after: the best one from there on.
    """

    steps: Float[np.ndarray, " corners"]
    rows: Int[np.ndarray, " corners"]
    before: Int[np.ndarray, " corners"]
    after: Int[np.ndarray, " corners"]


def _lowest_slopes(
    offsets: Float[np.ndarray, "sentences n"], slopes: Float[np.ndarray, "sentences n"]
) -> Int[np.ndarray, " sentences"]:
    """Return the best translations at minus infinity: of the lowest slope, the highest offset."""
    usable = np.where(np.isneginf(offsets), np.inf, slopes)
    lowest = usable == usable.min(axis=1, keepdims=True)
    return np.where(lowest, offsets, -np.inf).argmax(axis=1)


def _corners(
    offsets: Float[np.ndarray, "sentences n"],
    slopes: Float[np.ndarray, "sentences n"],
    first: Int[np.ndarray, " sentences"],
) -> Iterator[Corners]:
    """Yield the first corner of every sentence, then the second one, and so on."""
    rows, here = np.arange(len(first)), first
    while len(rows):
        rise = slopes[rows] - slopes[rows, here][:, None]
        fall = offsets[rows, here][:, None] - offsets[rows]
        with np.errstate(divide="ignore", invalid="ignore"):  # lines that never meet are left out
            steps = np.where(rise > 0, fall / rise, np.inf)
        nearest = steps.min(axis=1)
        # Of lines that meet in one point, the steepest is on top behind it.
        after = np.where(steps == nearest[:, None], rise, -np.inf).argmax(axis=1)
        more = np.isfinite(nearest)
        rows, here, after, nearest = rows[more], here[more], after[more], nearest[more]
        if len(rows):
            yield Corners(nearest, rows, here, after)
        here = after


def _room(
    weights: Float[np.ndarray, " features"],
    direction: Float[np.ndarray, " features"],
    lowest: Float[np.ndarray, " features"],
) -> tuple[float, float]:
    """Return between which steps no weight falls below what it may be."""
    with np.errstate(divide="ignore", invalid="ignore"):  # not where the direction is zero
        limits = (lowest - weights) / direction
    least = np.max(limits, where=direction > 0, initial=-np.inf)
    return float(least), float(np.min(limits, where=direction < 0, initial=np.inf))


def _best_interval(
    bounds: Float[np.ndarray, " bounds"], scores: Float[np.ndarray, " intervals"]
) -> tuple[float, float]:
    """Return the middle of the best interval between bounds, and its score."""
    # Corners in the same place have no interval between them.
    scores = np.where(np.diff(bounds) > 1e-9, scores, -np.inf)
    best = int(scores.argmax())
    return float((bounds[best] + bounds[best + 1]) / 2), float(scores[best])
