"""The extended Kalman filter on a language model: probabilities are what it predicts."""

import numpy as np
import pytest
import torch

from elman.data import Batch
from elman.errors import ConfigError
from elman.learning import BackwardDerivatives, ExtendedKalmanFilter, node_groups
from elman.tasks.language_model import LanguageModelConfig
from elman.tasks.language_model.build import build_model

VOCABULARY = 6


def language_model(**settings):
    torch.manual_seed(1)
    config = LanguageModelConfig(cell="elman", hidden_size=8, embedding_size=4, **settings)
    return build_model(config, vocabulary_size=VOCABULARY, boundary=0).double()


def text(steps=40, rows=2):
    """Tokens that follow one another in a circle, now and then by chance."""
    generator = torch.Generator().manual_seed(4)
    jumps = torch.randint(8, (steps + 1, rows), generator=generator) == 0
    ids = (1 + jumps * torch.randint(4, (steps + 1, rows), generator=generator)).cumsum(0)
    return Batch(ids[:-1] % VOCABULARY, ids[1:] % VOCABULARY, None)


def test_errors_are_one_for_the_target_less_the_probabilities():
    model, batch = language_model(), text(5)
    features, _ = model(batch.inputs, model.initial_state(2))
    logits = (features @ model.softmax.weight.T + model.softmax.bias).detach().numpy()
    expected = -np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    for step in range(5):
        for row in range(2):
            expected[step, row, batch.targets[step, row]] += 1
    found = model.errors(features, batch.targets)
    np.testing.assert_allclose(found.detach().numpy(), expected, atol=1e-12)
    cut = model.errors(features, batch.targets, torch.tensor([5, 2]))
    expected[2:, 1] = 0
    np.testing.assert_allclose(cut.detach().numpy(), expected, atol=1e-12)


def test_a_language_model_is_learnt():
    model, batch = language_model(), text()
    rule = ExtendedKalmanFilter(node_groups(model), BackwardDerivatives(4))
    state, losses = rule.initial_state(model, 2), []
    for step in range(40):
        part = Batch(batch.inputs[step : step + 1], batch.targets[step : step + 1], None)
        update = rule.update(model, part, state)
        state = update.state
        losses.append(float(update.loss))
    assert np.mean(losses[-15:]) < 0.5 * np.mean(losses[:5])


def test_an_adaptive_softmax_is_refused():
    model, batch = language_model(softmax="adaptive"), text(2)
    rule = ExtendedKalmanFilter(node_groups(model), BackwardDerivatives(2))
    with pytest.raises(ConfigError, match="need --softmax full"):
        rule.update(model, batch, rule.initial_state(model, 2))
