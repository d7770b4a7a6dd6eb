"""The accuracies of labelled trees, counted by hand."""

import math

import numpy as np
import pytest

from elman.metrics import sentiment_summary


def test_measures_equal_counts():
    draw = np.random.default_rng(1)
    probabilities = draw.dirichlet(np.full(5, 0.3), size=400)
    labels = draw.integers(-1, 5, size=400)
    roots = np.flatnonzero(draw.random(400) < 0.3)
    found = sentiment_summary(np.log(probabilities), labels, roots)

    nodes = right = root_nodes = root_right = opinions = agreed = 0
    loss = 0.0
    for node, (p, label) in enumerate(zip(probabilities, labels, strict=True)):
        if label < 0:
            continue
        best = max(range(5), key=lambda k, p=p: p[k])
        nodes, right, loss = nodes + 1, right + (best == label), loss - math.log(p[label])
        if node in roots:
            root_nodes, root_right = root_nodes + 1, root_right + (best == label)
            if label != 2:
                opinions += 1
                agreed += (p[3] + p[4] > p[0] + p[1]) == (label > 2)
    assert found == {
        "trees": len(roots),
        "nodes": nodes,
        "loss": pytest.approx(loss / nodes),
        "accuracy": pytest.approx(right / nodes),
        "root_accuracy": pytest.approx(root_right / root_nodes),
        "binary_accuracy": pytest.approx(agreed / opinions),
    }


def test_of_two_labels_none_is_neutral():
    log_probs = np.log([[0.9, 0.1], [0.4, 0.6], [0.2, 0.8], [0.7, 0.3]])
    found = sentiment_summary(log_probs, np.array([0, 1, 0, -1]), np.arange(4))
    assert found["accuracy"] == found["binary_accuracy"] == pytest.approx(2 / 3)
    assert found["root_accuracy"] == found["binary_accuracy"]


def test_what_is_not_there_cannot_be_measured():
    found = sentiment_summary(np.log(np.full((2, 5), 0.2)), np.array([2, -1]), np.array([1]))
    assert (found["trees"], found["nodes"]) == (1, 1)
    assert found["loss"] == pytest.approx(math.log(5))
    assert math.isnan(found["root_accuracy"])
    assert math.isnan(found["binary_accuracy"])
    nothing = sentiment_summary(np.log(np.full((1, 5), 0.2)), np.array([-1]), np.array([0]))
    assert math.isnan(nothing["loss"])
    assert math.isnan(nothing["accuracy"])
