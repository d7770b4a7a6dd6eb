"""FORCE is recursive least squares on a network that hears itself."""

import numpy as np
import pytest
import torch

from elman.cells import ClosedLoopCell, ClosedLoopState, EchoStateCell
from elman.data import Batch
from elman.engine import unroll
from elman.errors import ConfigError, DataError
from elman.learning import FORCE, RecursiveLeastSquares
from elman.nn import RNN, SequenceRegressor
from elman.state import rebuild, tensors
from learning.readouts.reservoirs import UNITS, cut, learn, learnt, reservoir, series

OUTPUTS = 2


def looped(**settings):
    return reservoir(OUTPUTS, feedback=OUTPUTS, **settings)


def task(steps=40, rows=1):
    return series(steps, rows, OUTPUTS, inputs=2 + OUTPUTS)


class Clamped(SequenceRegressor):
    """A regressor that hears the target of the step before, whatever it is given."""

    def clamp(self, targets):
        self.heard = iter(torch.cat([torch.zeros_like(targets[:1]), targets[:-1]]))

    def readout_inputs(self, inputs, state):
        heard = next(self.heard).unsqueeze(0)
        inputs = torch.cat([inputs[..., : -heard.shape[-1]], heard], dim=-1)
        return super().readout_inputs(inputs, state)


@pytest.mark.parametrize("rows", [1, 3])
def test_with_its_feedback_clamped_it_is_recursive_least_squares(rows):
    batch, model = task(rows=rows), looped()
    clamped = Clamped(model.rnn, OUTPUTS).double()
    clamped.clamp(batch.targets)
    learn(FORCE(ridge=0.3, washout=4), clamped, [batch], rows)
    before = torch.cat([torch.zeros_like(batch.targets[:1]), batch.targets[:-1]])
    forced = batch._replace(inputs=torch.cat([batch.inputs[..., :2], before], dim=-1))
    learn(RecursiveLeastSquares(ridge=0.3, washout=4), model, [forced], rows)
    np.testing.assert_allclose(learnt(clamped), learnt(model), rtol=1e-9, atol=1e-12)


def by_the_equations(model, batch, alpha, every, washout):
    """One row in NumPy: the network, its output and P as they are written in the paper."""
    cell = model.rnn.layers[0][0]
    win, bias = (p.numpy() for p in (cell.input_map.weight, cell.input_map.bias))
    recurrent = cell.recurrent_map.weight.numpy()
    h, z = np.zeros(UNITS), np.zeros(OUTPUTS)
    w, P = np.zeros((UNITS + 1, OUTPUTS)), np.eye(UNITS + 1) / alpha
    outputs = []
    for t, (x, f) in enumerate(
        zip(batch.inputs[:, 0].numpy(), batch.targets[:, 0].numpy(), strict=True)
    ):
        h = np.tanh(win @ np.concatenate([x[:2], z]) + bias + recurrent @ h)
        r = np.append(h, 1.0)
        z = w.T @ r
        outputs.append(z)
        if t >= washout and t % every == 0 and not np.isnan(f).any():
            P = P - np.outer(P @ r, r @ P) / (1 + r @ P @ r)
            w = w - np.outer(P @ r, z - f)
    return w, np.array(outputs)


@pytest.mark.parametrize(("every", "washout"), [(1, 0), (3, 0), (2, 7)])
def test_it_is_the_equations_of_the_paper(every, washout):
    model, batch = looped(), task()
    batch.targets[20:25] = torch.nan
    rule = FORCE(ridge=0.5, every=every, washout=washout)
    loss = rule.update(model, batch, rule.initial_state(model, 1)).loss
    w, outputs = by_the_equations(model, batch, 0.5, every, washout)
    np.testing.assert_allclose(learnt(model), w, rtol=1e-9, atol=1e-11)
    assert float(loss) == pytest.approx(np.nanmean((batch.targets[:, 0].numpy() - outputs) ** 2))


def test_chunks_are_the_same_as_all_at_once():
    batch = task(rows=2)
    whole, pieces = looped(), looped()
    learn(FORCE(every=2, washout=3), whole, [batch], 2)
    learn(FORCE(every=2, washout=3), pieces, cut(batch, 1, 17, 18), 2)
    np.testing.assert_allclose(learnt(pieces), learnt(whole), rtol=1e-12, atol=1e-12)


def test_sequences_of_their_own_start_afresh():
    """A second one is then learnt as if the rule had only kept what it knows."""
    first, second = task(9, 2), task(40, 2)
    model, rule = looped(), FORCE(carried=False, washout=2)
    learn(rule, model, [first, second], 2)
    other, again = looped(), FORCE(washout=2)
    for batch in (first, second):
        learn(again, other, [batch], 2)
    assert np.array_equal(learnt(model), learnt(other))


def test_a_training_goes_on_exactly_from_what_is_stored():
    batches, model = cut(task(rows=2), 13), looped()
    learn(FORCE(), model, batches, 2)
    rule, other = FORCE(), looped()
    state = learn(rule, other, batches[:1], 2)
    fresh = FORCE()
    fresh.load_state_dict(rule.state_dict())
    stored = [part.clone() for part in tensors(state)]
    fresh.update(other, batches[1], rebuild(fresh.initial_state(other, 2), stored))
    assert np.array_equal(learnt(other), learnt(model))


@pytest.mark.parametrize("pattern", ["sine", "triangle"])
def test_it_stays_near_the_pattern_and_then_goes_on_alone(pattern):
    torch.manual_seed(1)
    cell = EchoStateCell(
        2, 200, feedback_size=1, spectral_radius=1.5, leak=0.5, input_scaling=0, feedback_scaling=2
    )
    model = SequenceRegressor(RNN(cell), 1).double()
    wave = torch.sin(torch.arange(2000, dtype=torch.float64) / 5)
    if pattern == "triangle":
        wave = 2 / torch.pi * torch.asin(wave)
    start = cell.initial_state(1)._replace(hidden=torch.rand(1, 200).double())
    states, _ = unroll(cell, torch.zeros(1000, 1, 2).double(), start)
    assert states[-200:].std(0).mean() > 0.1  # before it learns it is busy with itself
    batch = Batch(torch.zeros(1600, 1, 2).double(), wave[:1600].view(-1, 1, 1), None)
    rule, losses = FORCE(every=2), []
    state = rule.initial_state(model, 1)
    for piece in cut(batch, *range(100, 1600, 100)):
        loss, state, _ = rule.update(model, piece, state)
        losses.append(float(loss))
    assert losses[0] < 0.1  # of a pattern whose mean square is 1/2 or 1/3
    assert max(losses[-5:]) < 1e-2
    begun = ClosedLoopState(state.position.state[0][0], state.output)
    alone, _ = unroll(ClosedLoopCell(cell, model.readout), torch.zeros(400, 1, 1).double(), begun)
    assert (alone[:, 0, 0] - wave[1600:]).square().mean() < 3e-2


def test_what_is_not_a_number_is_named_by_row_and_step():
    batch = task(30, 3)
    batch.inputs[..., 2:] = torch.nan  # where the feedback goes, anything may stand
    learn(FORCE(), looped(), [batch], 3)
    batch.inputs[17, 2, 1] = torch.nan
    with pytest.raises(DataError, match=r"^FORCE: the input is .* at step 17 of row 2 "):
        learn(FORCE(), looped(), cut(batch, 10), 3)


def test_a_model_without_room_for_the_feedback_is_refused():
    with pytest.raises(ConfigError, match="FORCE feeds the 3 outputs back as the last inputs"):
        learn(FORCE(), reservoir(3), [series(5, 1, 3)], 1)


@pytest.mark.parametrize("settings", [{"ridge": 0.0}, {"every": 0}, {"washout": -1}])
def test_settings_out_of_range_are_refused(settings):
    with pytest.raises(ConfigError, match=r"^FORCE: "):
        FORCE(**settings)


def test_a_model_without_a_linear_readout_is_refused(make_model):
    with pytest.raises(ConfigError, match="FORCE learns a linear readout"):
        FORCE().initial_state(make_model(), 2)
