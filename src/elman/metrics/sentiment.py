"""How well the nodes of labelled trees are classified."""

from typing import TypedDict

import numpy as np
from jaxtyping import Bool, Float, Int


class SentimentSummary(TypedDict):
    """What `elman evaluate` tells about labelled trees; shares, NaN where nothing was to be told.

    Args:
        trees: trees measured.
        nodes: labelled nodes measured.
        loss: mean cross-entropy of the labelled nodes, nats a node.
        accuracy: labelled nodes whose label is found.
        root_accuracy: labelled roots whose label is found.
        binary_accuracy: roots told positive from negative, neutral ones left out.
    """

    trees: int
    nodes: int
    loss: float
    accuracy: float
    root_accuracy: float
    binary_accuracy: float


def sentiment_summary(
    log_probs: Float[np.ndarray, "nodes labels"],
    labels: Int[np.ndarray, " nodes"],
    roots: Int[np.ndarray, " trees"],
) -> SentimentSummary:
    """Measure predictions of labels of sentiment, which rise from negative to positive.

    Of an odd number of labels the middle one is neutral. A root is taken as positive where the
    labels above the middle are together more probable than those below it.

    Args:
        log_probs: `[nodes, labels]`, nats.
        labels: the true labels, negative where they are not known.
        roots: which nodes are roots.

    Returns:
        The measures.

    Reference:
        Socher et al. 2013, "Recursive deep models for semantic compositionality over a sentiment
        treebank", section 5.1.
    """
    known = np.flatnonzero(labels >= 0)
    right = log_probs.argmax(axis=1) == labels
    known_roots = roots[labels[roots] >= 0]
    labels_of_a_side = log_probs.shape[1] // 2
    middle = (log_probs.shape[1] - 1) / 2
    opinions = known_roots[labels[known_roots] != middle]
    probability = np.exp(log_probs[opinions])
    negative = probability[:, :labels_of_a_side].sum(axis=1)
    positive = probability[:, -labels_of_a_side:].sum(axis=1)
    return SentimentSummary(
        trees=len(roots),
        nodes=len(known),
        loss=float(-log_probs[known, labels[known]].mean()) if len(known) else float("nan"),
        accuracy=_share(right[known]),
        root_accuracy=_share(right[known_roots]),
        binary_accuracy=_share((positive > negative) == (labels[opinions] > middle)),
    )


def _share(found: Bool[np.ndarray, " items"]) -> float:
    return float(found.mean()) if len(found) else float("nan")
