"""How well items are classified, and how well their probabilities are calibrated."""

from typing import TypedDict

import numpy as np
from jaxtyping import Bool, Float, Int

BINS = 15
"""Intervals of confidence that the calibration error is summed over."""


class ClassificationSummary(TypedDict):
    """What `elman evaluate` tells about classified items; shares, NaN where there is no item.

    Args:
        items: items measured.
        loss: mean cross-entropy of the items whose class the model knows, nats an item.
        accuracy: items whose class is found.
        macro_f1: mean of the classes' F1.
        precision: mean of the classes' precision.
        recall: mean of the classes' recall.
        calibration_error: mean distance between confidence and accuracy.
    """

    items: int
    loss: float
    accuracy: float
    macro_f1: float
    precision: float
    recall: float
    calibration_error: float


def classification_summary(
    log_probs: Float[np.ndarray, "items classes"], labels: Int[np.ndarray, " items"]
) -> ClassificationSummary:
    """Measure predictions of classes.

    Means are over the classes that occur, as true or as found; one that is never found, or never
    true, has precision, recall and F1 of 0 where they would be 0/0. Items of a class that the
    model does not know are wrong, and together one class more.

    Args:
        log_probs: nats.
        labels: the true classes, negative where the model does not know them.

    Returns:
        The measures.
    """
    found = log_probs.argmax(axis=1)
    right = found == labels
    known = np.flatnonzero(labels >= 0)
    classes = np.union1d(labels, found)
    hits = np.array([(right & (labels == c)).sum() for c in classes], dtype=float)
    true = np.array([(labels == c).sum() for c in classes])
    given = np.array([(found == c).sum() for c in classes])
    return ClassificationSummary(
        items=len(labels),
        loss=_mean(-log_probs[known, labels[known]]),
        accuracy=_mean(right),
        macro_f1=_mean(2 * hits / (true + given)),
        precision=_mean(hits / given.clip(1)),
        recall=_mean(hits / true.clip(1)),
        calibration_error=calibration_error(np.exp(log_probs.max(axis=1, initial=-np.inf)), right),
    )


def calibration_error(
    confidence: Float[np.ndarray, " items"], right: Bool[np.ndarray, " items"]
) -> float:
    r"""Return the expected calibration error.

    $$ \mathrm{ECE} = \sum_m \frac{|B_m|}{n} \big|\mathrm{acc}(B_m) - \mathrm{conf}(B_m)\big| $$

    Args:
        confidence: the probability of each answer.
        right: whether the answer is.

    Returns:
        The error over `BINS` equal intervals of confidence; NaN if there is no item.

    Reference:
        Guo et al. 2017, "On calibration of modern neural networks", equation 3.
    """
    if not len(right):
        return float("nan")
    bins = np.ceil(confidence * BINS).clip(1, BINS).astype(int)
    gaps = np.bincount(bins, right - confidence)
    return float(np.abs(gaps).sum() / len(right))


def _mean(values: Float[np.ndarray, " _"] | Bool[np.ndarray, " _"]) -> float:
    return float(values.mean()) if len(values) else float("nan")
