"""Recursive least squares ends where least squares stands, step by step."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from elman.cells import EchoStateCell
from elman.data import Batch
from elman.errors import ConfigError, DataError
from elman.learning import RecursiveLeastSquares, Ridge
from elman.nn import RNN, SequenceRegressor
from learning.readouts.reservoirs import (
    cut,
    learn,
    learnt,
    least_squares,
    reservoir,
    samples,
    series,
    tasks,
)


@settings(max_examples=30, deadline=None)
@given(tasks(), st.sampled_from([0.01, 0.1, 3.0]))
def test_after_the_last_step_it_is_ridge_regression(task, ridge):
    model, batch, washout = task
    rows = batch.inputs.shape[1]
    batch.targets[-1] = 1.0  # at least one step to learn from
    washout = min(washout, len(batch.inputs) - 1)
    learn(RecursiveLeastSquares(ridge=ridge, washout=washout), model, [batch], rows)
    found = learnt(model)
    learn(Ridge(ridge=ridge, washout=washout), model, [batch], rows)
    np.testing.assert_allclose(found, learnt(model), rtol=1e-9, atol=1e-9)


@settings(max_examples=30, deadline=None)
@given(tasks(), st.sampled_from([0.7, 0.95, 0.99]))
def test_with_forgetting_it_is_weighted_least_squares(task, forgetting):
    model, batch, washout = task
    rule = RecursiveLeastSquares(ridge=0.5, forgetting=forgetting, washout=washout)
    learn(rule, model, [batch], batch.inputs.shape[1])
    z, y, steps = samples(model, batch, washout)
    counted = sorted(set(steps))  # a step without any target passes unnoticed
    age = np.array([len(counted) - 1 - counted.index(step) for step in steps])
    ridge = 0.5 * forgetting ** len(counted)
    expected = least_squares(z, y, ridge, forgetting**age)
    np.testing.assert_allclose(learnt(model), expected, rtol=1e-7, atol=1e-9)


def test_it_is_ridge_regression_after_every_step():
    model, batch = reservoir(2), series(25, 1, 2)
    online, at_once = RecursiveLeastSquares(ridge=0.2), Ridge(ridge=0.2)
    state, other = online.initial_state(model, 1), at_once.initial_state(model, 1)
    for piece in cut(batch, *range(1, 25)):
        state = online.update(model, piece, state).state
        found = learnt(model)
        other = at_once.update(model, piece, other).state
        np.testing.assert_allclose(found, learnt(model), rtol=1e-9, atol=1e-10)


def test_it_follows_a_system_that_changes():
    """With forgetting the readout is the new system's; without, a mean of both."""
    model, batch = reservoir(biased=False, sees_input=True), series(600, 1)
    read = model.readout_inputs(batch.inputs, model.initial_state(1))[0]
    old, new = torch.randn(2, read.shape[-1], 1, dtype=torch.float64)
    wanted = torch.cat([read[:300] @ old, read[300:] @ new])
    batch = Batch(batch.inputs, wanted, None)
    learn(RecursiveLeastSquares(forgetting=0.9), model, [batch], 1)
    np.testing.assert_allclose(learnt(model), new, rtol=0, atol=1e-6)
    learn(RecursiveLeastSquares(), model, [batch], 1)
    assert np.abs(learnt(model) - new.numpy()).max() > 0.1


def test_sequences_of_their_own_start_afresh():
    model, batches = reservoir(), [series(9, 2, seed=seed) for seed in range(3)]
    rule = RecursiveLeastSquares(ridge=0.3, washout=2, carried=False)
    learn(rule, model, batches, 2)
    parts = [samples(model, batch, washout=2)[:2] for batch in batches]
    z, y = (np.concatenate(group) for group in zip(*parts, strict=True))
    np.testing.assert_allclose(learnt(model), least_squares(z, y, 0.3), rtol=1e-9)


def test_rounding_does_not_grow_while_it_forgets():
    torch.manual_seed(0)
    model = SequenceRegressor(RNN(EchoStateCell(2, 100)), 1).double()
    rule = RecursiveLeastSquares(forgetting=0.95)
    learn(rule, model, [series(1000, 3)], 3)
    covariance = rule.state_dict()["covariance"]
    assert torch.equal(covariance, covariance.T)
    assert torch.linalg.eigvalsh(covariance).min() > 0


def test_what_it_has_learnt_stays_when_a_new_epoch_begins():
    model, batch = reservoir(), series(40, 1)
    rule = RecursiveLeastSquares(ridge=0.3)
    learn(rule, model, [batch], 1)
    learn(rule, model, [batch], 1)
    z, y, _ = samples(model, batch)
    twice = least_squares(np.concatenate([z, z]), np.concatenate([y, y]), 0.3)
    np.testing.assert_allclose(learnt(model), twice, rtol=1e-9)


def test_a_training_goes_on_exactly_from_what_is_stored(tmp_path):
    model, batches = reservoir(), cut(series(40, 2), 13, 20)
    rule = RecursiveLeastSquares(forgetting=0.99, washout=5)
    assert rule.state_dict() == {}
    learn(rule, model, batches, 2)
    expected = learnt(model)
    first = RecursiveLeastSquares(forgetting=0.99, washout=5)
    state = learn(first, model, batches[:2], 2)
    torch.save(first.state_dict(), tmp_path / "rule")
    fresh = RecursiveLeastSquares(forgetting=0.99, washout=5)
    fresh.load_state_dict(torch.load(tmp_path / "rule"))
    fresh.update(model, batches[2], state)
    assert np.array_equal(learnt(model), expected)


def test_the_loss_is_that_before_the_update():
    model, batch, rule = reservoir(), series(30, 2), RecursiveLeastSquares()
    predictions, _ = model(batch.inputs, model.initial_state(2))
    expected = float((batch.targets - predictions).square().mean().detach())
    assert float(rule.update(model, batch, rule.initial_state(model, 2)).loss) == expected


def test_a_covariance_that_is_none_any_more_is_named():
    model, rule = reservoir(biased=False), RecursiveLeastSquares(forgetting=0.01)
    silence = series(400, 1)
    silence.inputs.zero_()  # nothing is seen, and everything forgotten: P grows without bound
    model.rnn.layers[0][0].input_map.bias.zero_()
    with pytest.raises(ConfigError, match="RLS: the covariance has lost its definiteness"):
        learn(rule, model, [silence], 1)


def test_what_is_not_a_number_is_named_by_row_and_step():
    batch = series(30, 3)
    batch.inputs[17, 2, 1] = torch.nan
    with pytest.raises(DataError, match=r"^RLS: the input is .* at step 17 of row 2 "):
        learn(RecursiveLeastSquares(), reservoir(), cut(batch, 10), 3)


@pytest.mark.parametrize(
    "settings", [{"ridge": 0.0}, {"forgetting": 0.0}, {"forgetting": 1.1}, {"washout": -1}]
)
def test_settings_out_of_range_are_refused(settings):
    with pytest.raises(ConfigError, match="RLS: ridge must be above 0, forgetting above 0"):
        RecursiveLeastSquares(**settings)


def test_a_model_without_a_linear_readout_is_refused(make_model):
    with pytest.raises(ConfigError, match="RLS learns a linear readout"):
        RecursiveLeastSquares().initial_state(make_model(), 2)
