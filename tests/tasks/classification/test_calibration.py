"""The temperature against a search over a fine grid, and probabilities that were told wrong."""

import numpy as np
import pytest

from elman.tasks.classification.calibration import COLDEST, HOTTEST, fit_temperature


def loss(logits, labels, temperature):
    scaled = logits / temperature
    log_probs = scaled - np.log(np.exp(scaled).sum(axis=1, keepdims=True))
    return -log_probs[np.arange(len(labels)), labels].mean()


def draw(scale, items=4000, classes=4):
    """Logits that are `scale` times too large for the labels drawn from them."""
    generator = np.random.default_rng(1)
    logits = generator.normal(size=(items, classes))
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    labels = (generator.random((items, 1)) > shares.cumsum(axis=1)).sum(axis=1)
    return scale * logits, labels.clip(max=classes - 1)


@pytest.mark.parametrize("scale", [0.5, 1.0, 3.0])
def test_the_scale_of_the_logits_is_found(scale):
    logits, labels = draw(scale)
    found = fit_temperature(logits, labels)
    assert found == pytest.approx(scale, rel=0.06)
    grid = np.linspace(0.5 * scale, 2 * scale, 301)
    assert loss(logits, labels, found) <= min(loss(logits, labels, t) for t in grid) + 1e-9


def test_large_logits_do_no_harm():
    logits, labels = draw(1.0)
    shifted = logits * 2.0 + np.random.default_rng(2).normal(size=(len(labels), 1)) * 1e4
    assert fit_temperature(shifted, labels) == pytest.approx(2.0, rel=0.06)


def test_the_temperature_stays_within_bounds():
    logits = np.eye(3) * 5
    assert fit_temperature(logits, np.arange(3)) == pytest.approx(COLDEST, rel=1e-6)
    assert fit_temperature(logits, np.array([1, 2, 0])) == pytest.approx(HOTTEST, rel=1e-6)
