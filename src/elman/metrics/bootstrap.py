"""How far a difference between systems on one text can be trusted."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

# Resampling counts drawn at once: bounds the memory at a few tens of megabytes.
COUNTS_AT_ONCE = 2**22


class Interval(NamedTuple):
    """An estimate with a confidence interval.

    Args:
        estimate: the value on the whole text.
        low: lower end of the interval.
        high: upper end of the interval.
    """

    estimate: float
    low: float
    high: float


class SystemComparison(NamedTuple):
    """One of several systems on the same text.

    Args:
        loss: mean loss, nats per token.
        perplexity: exp of the mean loss.
        loss_difference: loss less that of the first system.
        perplexity_difference: perplexity less that of the first system.
    """

    loss: Interval
    perplexity: Interval
    loss_difference: Interval
    perplexity_difference: Interval


def paired_bootstrap(
    losses: Float[np.ndarray, "systems segments"],
    counts: Int[np.ndarray, "systems segments"],
    generator: np.random.Generator,
    *,
    resamples: int = 1000,
    confidence: float = 0.95,
) -> list[SystemComparison]:
    """Resample the segments of a text, the same ones for every system.

    Segments should be long enough to be nearly independent: sentences, lines or paragraphs.

    Args:
        losses: total loss of each system on each segment, nats.
        counts: tokens each system predicted in each segment, at least 1.
        generator: source of the resampling.
        resamples: texts drawn, at least 1.
        confidence: coverage of the intervals, between 0 and 1.

    Returns:
        Each system's means and differences to the first, with percentile intervals.

    Raises:
        ValueError: if shapes differ, a segment has no tokens, or a setting is out of its range.

    Reference:
        Efron & Tibshirani 1993, "An Introduction to the Bootstrap", chapter 13;
        Koehn 2004, "Statistical Significance Tests for Machine Translation Evaluation".
    """
    _check(losses, counts, resamples, confidence)
    observed = losses.sum(axis=1) / counts.sum(axis=1)  # [systems]
    means = np.concatenate(list(_resampled_means(losses, counts, generator, resamples)), axis=1)

    def interval(estimate: float, resampled: Float[np.ndarray, " resamples"]) -> Interval:
        # Order statistics, so that the interval of exp(loss) is exp of the interval of the loss.
        tails = [(1 - confidence) / 2, (1 + confidence) / 2]
        low, high = np.quantile(resampled, tails, method="inverted_cdf")
        return Interval(float(estimate), float(low), float(high))

    with np.errstate(over="ignore", invalid="ignore"):  # a hopeless system: exp is inf
        observed_perplexity, perplexities = np.exp(observed), np.exp(means)
        return [
            SystemComparison(
                loss=interval(observed[system], means[system]),
                perplexity=interval(observed_perplexity[system], perplexities[system]),
                loss_difference=interval(observed[system] - observed[0], means[system] - means[0]),
                perplexity_difference=interval(
                    observed_perplexity[system] - observed_perplexity[0],
                    perplexities[system] - perplexities[0],
                ),
            )
            for system in range(len(losses))
        ]


def _check(
    losses: Float[np.ndarray, "..."],
    counts: Int[np.ndarray, "..."],
    resamples: int,
    confidence: float,
) -> None:
    """Refuse what cannot be resampled."""
    if losses.ndim != 2 or losses.shape != counts.shape or losses.size == 0:
        raise ValueError(
            f"losses and counts must both be [systems, segments] and not empty, got "
            f"{list(losses.shape)} and {list(counts.shape)}."
        )
    if counts.min() < 1:
        raise ValueError("counts must be at least 1: leave out segments without tokens.")
    if resamples < 1:
        raise ValueError(f"resamples must be at least 1, got {resamples}.")
    if not 0.0 < confidence < 1.0:
        raise ValueError(f"confidence must be between 0 and 1, got {confidence}.")


def _resampled_means(
    losses: Float[np.ndarray, "systems segments"],
    counts: Int[np.ndarray, "systems segments"],
    generator: np.random.Generator,
    resamples: int,
) -> Iterator[Float[np.ndarray, "systems drawn"]]:
    """Yield mean losses of resampled texts, as many at once as memory allows."""
    segments = losses.shape[1]
    at_once = max(1, COUNTS_AT_ONCE // segments)
    for start in range(0, resamples, at_once):
        drawn = min(at_once, resamples - start)
        # How often each segment is in each text, [drawn, segments].
        times = generator.multinomial(segments, np.full(segments, 1 / segments), size=drawn)
        yield (losses @ times.T) / (counts @ times.T)
