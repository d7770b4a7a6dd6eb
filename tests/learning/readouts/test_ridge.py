"""Ridge regression is NumPy's least squares, in whatever pieces the series comes."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from elman.data import Batch
from elman.errors import ConfigError, DataError
from elman.learning import Ridge
from elman.nn import RNN, SequenceRegressor
from elman.state import rebuild, tensors
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


@settings(max_examples=40, deadline=None)
@given(tasks(), st.sampled_from([1e-6, 0.1, 3.0]))
def test_it_is_the_least_squares_of_the_augmented_system(task, ridge):
    model, batch, washout = task
    before = learnt(model)
    learn(Ridge(ridge=ridge, washout=washout), model, [batch], batch.inputs.shape[1])
    z, y, _ = samples(model, batch, washout)
    expected = least_squares(z, y, ridge) if len(z) else before
    np.testing.assert_allclose(learnt(model), expected, rtol=1e-9, atol=1e-11)


@settings(max_examples=40, deadline=None)
@given(tasks(), st.data())
def test_chunks_are_the_same_as_all_at_once(task, data):
    model, batch, washout = task
    steps, rows = batch.inputs.shape[:2]
    places = sorted(data.draw(st.lists(st.integers(1, steps), max_size=4)))
    rule = Ridge(ridge=0.1, washout=washout)
    learn(rule, model, [batch], rows)
    expected = learnt(model)
    learn(rule, model, cut(batch, *places), rows)
    np.testing.assert_allclose(learnt(model), expected, rtol=1e-12, atol=1e-12)


def test_sequences_of_their_own_add_up_and_each_has_its_washout():
    model, rule = reservoir(2), Ridge(ridge=0.01, washout=3, carried=False)
    batches, parts = [], []
    for seed, lengths in enumerate(([9, 7], [2, 12])):
        batch = series(12, 2, 2, seed=seed)._replace(lengths=torch.tensor(lengths))
        batch.inputs[10:, 0] = torch.nan  # beyond the row's length: never read
        batches.append(batch)
        finite = batch._replace(inputs=batch.inputs.nan_to_num())
        parts.append(samples(model, finite, washout=3)[:2])
    learn(rule, model, batches, 2)
    z, y = (np.concatenate(group) for group in zip(*parts, strict=True))
    assert len(z) == 6 + 4 + 0 + 9
    np.testing.assert_allclose(learnt(model), least_squares(z, y, 0.01), rtol=1e-9)


def test_without_a_penalty_it_is_plain_least_squares():
    model, batch = reservoir(2), series(50, 1, 2)
    learn(Ridge(ridge=0), model, [batch], 1)
    z, y, _ = samples(model, batch)
    np.testing.assert_allclose(learnt(model), np.linalg.lstsq(z, y)[0], rtol=1e-9)


class Listed(nn.Module):
    """A model whose readout reads the inputs as they are."""

    def __init__(self, width):
        super().__init__()
        self.readout = nn.Linear(width, 1, bias=False).double()

    def initial_state(self, batch_size):
        return ()

    def readout_inputs(self, inputs, state):
        return inputs, state

    criterion = SequenceRegressor.criterion
    errors = SequenceRegressor.errors


def test_it_has_the_precision_of_the_readings_not_of_their_squares():
    """Powers of x: their products have a condition number beyond what float64 can tell apart."""
    x = torch.linspace(0, 1, 200, dtype=torch.float64)
    powers = torch.stack([x**k for k in range(12)], dim=-1).unsqueeze(1)
    assert np.linalg.cond(powers[:, 0].T @ powers[:, 0]) > 1e15
    true = (
        torch.arange(1.0, 13.0, dtype=torch.float64).view(12, 1) * (-1) ** torch.arange(12)[:, None]
    )
    model = Listed(12)
    learn(Ridge(ridge=0), model, [Batch(powers, powers @ true, None)], 1)
    np.testing.assert_allclose(learnt(model), true, rtol=1e-6)


@pytest.mark.parametrize("what", ["few steps", "twin units", "a silent unit"])
def test_a_singular_system_says_what_to_do(what):
    model = Listed(4)
    batch = series(3 if what == "few steps" else 50, 1, inputs=4)
    if what == "twin units":
        batch.inputs[..., 3] = 2 * batch.inputs[..., 1] - batch.inputs[..., 0]
    if what == "a silent unit":
        batch.inputs[..., 3] = 0
    with pytest.raises(ConfigError, match=r"penalty of 0 .* input 3 .*: take a larger ridge, or"):
        learn(Ridge(ridge=0), model, [batch], 1)
    learn(Ridge(ridge=1e-6), model, [batch], 1)


def test_nothing_but_the_readout_changes():
    torch.manual_seed(0)
    model = SequenceRegressor(RNN("lstm", 2, 5), 1).double()
    before = {k: v.clone() for k, v in model.state_dict().items() if not k.startswith("readout")}
    loss, _, metrics = (rule := Ridge()).update(model, series(40, 2), rule.initial_state(model, 2))
    assert all(torch.equal(model.state_dict()[name], value) for name, value in before.items())
    assert metrics["readout_norm"] == pytest.approx(float(model.readout.weight.detach().norm()))
    assert not loss.requires_grad


def test_the_loss_is_that_before_the_update():
    model, batch, rule = reservoir(), series(30, 2), Ridge()
    predictions, _ = model(batch.inputs, model.initial_state(2))
    expected = float((batch.targets - predictions).square().mean().detach())
    assert float(rule.update(model, batch, rule.initial_state(model, 2)).loss) == expected


def test_a_narrow_model_gets_the_same_solution_rounded():
    wide, batch = reservoir(), series(60, 2)
    learn(Ridge(ridge=0.1), wide, [batch], 2)
    narrow = reservoir().float()
    learn(Ridge(ridge=0.1), narrow, [Batch(*(x.float() for x in batch[:2]), None)], 2)
    assert narrow.readout.weight.dtype == torch.float32
    np.testing.assert_allclose(learnt(narrow), learnt(wide), rtol=1e-4, atol=1e-5)


def test_a_training_goes_on_exactly_from_what_is_stored():
    model, batches, rule = reservoir(), cut(series(40, 2), 13, 20), Ridge(washout=5)
    learn(rule, model, batches, 2)
    expected = learnt(model)
    state = learn(rule, model, batches[:2], 2)
    stored = [part.clone() for part in tensors(state)]
    fresh = Ridge(washout=5)
    fresh.load_state_dict(rule.state_dict())
    resumed = rebuild(fresh.initial_state(model, 2), stored)
    fresh.update(model, batches[2], resumed)
    assert np.array_equal(learnt(model), expected)


def test_a_batch_without_targets_changes_nothing_but_the_place():
    model, batch = reservoir(), series(20, 1)
    batch.targets[:8] = torch.nan
    before = learnt(model)
    rule = Ridge()
    state = learn(rule, model, cut(batch, 8)[:1], 1)
    assert np.array_equal(learnt(model), before)
    rule.update(model, cut(batch, 8)[1], state)
    z, y, _ = samples(model, batch)
    assert len(z) == 12
    np.testing.assert_allclose(learnt(model), least_squares(z, y, 1e-8), rtol=1e-8)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_what_is_not_a_number_is_named_by_row_and_step(bad):
    batch = series(30, 3)
    batch.inputs[17, 2, 1] = bad
    with pytest.raises(DataError, match=r"^Ridge: the input is .* at step 17 of row 2 "):
        learn(Ridge(), reservoir(), [batch], 3)
    with pytest.raises(DataError, match="at step 17 of row 2 "):
        learn(Ridge(), reservoir(), cut(batch, 10), 3)


def test_targets_are_there_or_not_as_a_whole():
    batch = series(30, 3, 2)
    batch.targets[4, 1, 0] = torch.nan
    with pytest.raises(
        DataError, match=r"a part of the target, but not all of it, .* step 4 of row"
    ):
        learn(Ridge(), reservoir(2), [batch], 3)
    batch.targets[4, 1] = torch.inf
    with pytest.raises(DataError, match="the target is not a finite number at step 4 of row 1"):
        learn(Ridge(), reservoir(2), [batch], 3)


def test_a_reservoir_that_runs_away_is_named():
    model, batch = reservoir(), series(3000, 1)
    cell = model.rnn.layers[0][0]
    cell.nonlinearity = "identity"
    cell.recurrent_map.weight *= 4
    with pytest.raises(DataError, match="what the readout reads is not a finite number at step"):
        learn(Ridge(), model, [batch], 1)


@pytest.mark.parametrize(
    "settings", [{"ridge": -1.0}, {"ridge": np.inf}, {"ridge": np.nan}, {"washout": -1}]
)
def test_settings_out_of_range_are_refused(settings):
    with pytest.raises(ConfigError, match="Ridge: ridge and washout must be"):
        Ridge(**settings)


def test_a_model_without_a_linear_readout_is_refused(make_model):
    with pytest.raises(ConfigError, match="Ridge learns a linear readout by its squared errors"):
        Ridge().initial_state(make_model(), 2)


def test_sums_larger_than_the_memory_are_refused():
    with pytest.raises(ConfigError, match="Ridge: the sums of 2,000,001 readout inputs take"):
        Ridge().initial_state(Listed(2_000_000), 1)
