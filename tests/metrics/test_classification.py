"""Measures of classes against scikit-learn, and the calibration error against a plain loop."""

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from elman.metrics import classification_summary
from elman.metrics.classification import BINS, calibration_error


def draw(seed, items=40, classes=5):
    generator = np.random.default_rng(seed)
    logits = generator.normal(size=(items, classes)) * 2
    log_probs = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    return log_probs, generator.integers(classes, size=items)


@given(seed=st.integers(0, 10_000), items=st.integers(1, 30), classes=st.integers(2, 6))
def test_agrees_with_scikit_learn(seed, items, classes):
    from sklearn.metrics import accuracy_score, log_loss, precision_recall_fscore_support

    log_probs, labels = draw(seed, items, classes)
    summary = classification_summary(log_probs, labels)
    found = log_probs.argmax(axis=1)
    precision, recall, f1, _ = precision_recall_fscore_support(
        labels, found, average="macro", zero_division=0
    )
    assert summary["items"] == items
    assert summary["accuracy"] == pytest.approx(accuracy_score(labels, found))
    assert summary["precision"] == pytest.approx(precision)
    assert summary["recall"] == pytest.approx(recall)
    assert summary["macro_f1"] == pytest.approx(f1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a single class among the labels
        wanted = log_loss(labels, np.exp(log_probs), labels=range(classes))
    assert summary["loss"] == pytest.approx(wanted)


def test_unknown_classes_are_wrong_and_not_in_the_loss():
    log_probs, labels = draw(1)
    known = classification_summary(log_probs, labels)
    more = classification_summary(np.concatenate([log_probs, log_probs[:10]]),
                                  np.concatenate([labels, np.full(10, -1)]))  # fmt: skip
    assert more["items"] == 50
    assert more["loss"] == pytest.approx(known["loss"])
    assert more["accuracy"] == pytest.approx(known["accuracy"] * 40 / 50)
    assert more["recall"] == pytest.approx(known["recall"] * 5 / 6)


def test_calibration_error_equals_its_definition():
    generator = np.random.default_rng(2)
    confidence, right = generator.uniform(0.2, 1.0, 500), generator.random(500) < 0.6
    total = 0.0
    for m in range(BINS):
        inside = (confidence > m / BINS) & (confidence <= (m + 1) / BINS)
        if inside.any():
            total += inside.mean() * abs(right[inside].mean() - confidence[inside].mean())
    assert calibration_error(confidence, right) == pytest.approx(total)


@pytest.mark.parametrize("confidence", [0.5, 1.0, 0.0])
def test_confidence_at_the_ends_is_counted(confidence):
    found = calibration_error(np.full(8, confidence), np.zeros(8, dtype=bool))
    assert found == pytest.approx(confidence)


def test_nothing_to_measure_is_not_a_number():
    summary = classification_summary(np.zeros((0, 3)), np.zeros(0, dtype=int))
    assert summary["items"] == 0
    assert all(np.isnan(value) for name, value in summary.items() if name != "items")
