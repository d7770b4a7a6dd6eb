"""UORO against its algorithm in NumPy, and its mean over many draws against BPTT."""

import numpy as np
import pytest
import torch

from elman.cells import CELLS
from elman.data import Batch
from elman.errors import ConfigError
from elman.learning import BPTT, UORO, TruncatedBPTT
from elman.nn import RNN, SequenceRegressor
from learning.online.models import (
    cut,
    distance,
    frozen,
    gradient_of,
    gradient_of_stream,
    language_model,
    regressor,
    series,
    tokens,
)

EPSILON = 1e-7
COPIES, DRAWS = 50, 60


def uoro(model, *, carried=False, seed=0):
    return UORO(frozen(model), carried=carried, seed=seed)


def by_the_algorithm(model, batch, signs):
    """Algorithm 1 of the paper for an Elman network and one row; all parameters in one vector."""
    cell, readout = model.rnn.layers[0][0], model.readout
    w, b = cell.input_map.weight.detach().numpy(), cell.input_map.bias.detach().numpy()
    u, v = cell.recurrent_map.weight.detach().numpy(), readout.weight.detach().numpy()
    c = readout.bias.detach().numpy()
    h, along, kept, total = np.zeros(len(b)), np.zeros(len(b)), None, 0.0

    def flat(by_units, x, before):
        parts = np.outer(by_units, x), by_units, np.outer(by_units, before)
        return np.concatenate([part.ravel() for part in parts])

    steps = zip(batch.inputs[:, 0].numpy(), batch.targets[:, 0].numpy(), signs, strict=True)
    for x, y, nu in steps:
        before, h = h, np.tanh(w @ x + u @ h + b)
        kept = np.zeros(w.size + b.size + u.size) if kept is None else kept
        error = 2 * (v @ h + c - y) / batch.targets.numel()
        pull = (1 - h**2) * (v.T @ error)
        total = total + flat(pull, x, before) + (u.T @ pull) @ along * kept
        pushed = (1 - h**2) * (u @ along)
        pulled = flat(nu * (1 - h**2), x, before)
        norm = np.linalg.norm
        rho_0 = np.sqrt(norm(kept) / (norm(pushed) + EPSILON)) + EPSILON
        rho_1 = np.sqrt(norm(pulled) / (norm(nu) + EPSILON)) + EPSILON
        along, kept = rho_0 * pushed + rho_1 * nu, kept / rho_0 + pulled / rho_1
    return total


def test_each_step_is_that_of_the_algorithm():
    model, batch = regressor(CELLS["elman"](3, 4)), series(6, 1)
    learner = uoro(model, seed=7)
    coins = torch.randint(2, (6, 1, 4), generator=torch.Generator().manual_seed(7))
    gradient_of(learner, model, batch)
    cell = model.rnn.layers[0][0]
    order = [cell.input_map.weight, cell.input_map.bias, cell.recurrent_map.weight]
    found = np.concatenate([parameter.grad.numpy().ravel() for parameter in order])
    expected = by_the_algorithm(model, batch, 2 * coins[:, 0].numpy() - 1)
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", ["elman", "lstm"])
def test_its_mean_is_the_gradient(name):
    torch.manual_seed(0)
    model = SequenceRegressor(RNN(CELLS[name](2, 2)), 1).double()
    one = series(5, 1, inputs=2)
    one = one._replace(targets=one.targets[..., :1])
    # Rows of one batch are draws of their own, so copies of a row are many draws at once.
    many = Batch(one.inputs.repeat(1, COPIES, 1), one.targets.repeat(1, COPIES, 1), None)
    learner = uoro(model)
    draws = torch.stack([gradient_of(learner, model, many)[0] for _ in range(DRAWS)])
    expected, _ = gradient_of(BPTT(frozen(model)), model, one)
    recurrent = slice(0, -3)  # the readout's three weights have no part in the chance
    assert torch.allclose(draws[:, -3:], expected[-3:], rtol=1e-9)
    error = draws[:, recurrent].std(0) / DRAWS**0.5
    assert (error > 0).all()
    assert ((draws[:, recurrent].mean(0) - expected[recurrent]).abs() < 4 * error).all()
    # Else the test could not tell: without what is drawn, the mean would lie outside.
    one_step = gradient_of_stream(TruncatedBPTT(frozen(model), horizon=1), model, cut(one, 1))
    assert ((one_step - expected)[recurrent].abs() > 4 * error).any()


def test_a_single_draw_is_noisy_and_follows_from_the_seed():
    model, batch = regressor(CELLS["lstm"](3, 4)), series(8, 2)
    first, second, same = (gradient_of(uoro(model, seed=s), model, batch)[0] for s in (1, 2, 1))
    assert torch.equal(first, same)
    assert distance(first, second) > 0.01


def test_a_stream_in_batches_is_the_same_as_at_once():
    model, whole = regressor(CELLS["gru"](3, 4)), series(12, 2)
    expected, _ = gradient_of(uoro(model), model, whole)
    found = gradient_of_stream(uoro(model, carried=True), model, cut(whole, 3))
    assert distance(found, expected) < 1e-9


def test_a_rule_put_back_draws_on_where_it_was():
    model, whole = regressor(CELLS["gru"](3, 4)), series(12, 2)
    first, second = (uoro(model, carried=True, seed=seed) for seed in (1, 2))
    state = first.initial_state(model, 2)
    *some, last = cut(whole, 3)
    for batch in some:
        state = first.update(model, batch, state).state
    second.load_state_dict(first.state_dict())
    one, other = (learner.update(model, last, state) for learner in (first, second))
    assert one.metrics == other.metrics
    assert torch.equal(one.state.memory.of_parameters, other.state.memory.of_parameters)


def test_a_row_that_has_ended_keeps_its_vectors():
    model, batch = regressor(CELLS["elman"](3, 4)), series(6, 2, lengths=[6, 2])
    learner = uoro(model, carried=True)
    after = learner.update(model, batch, learner.initial_state(model, 2)).state.memory
    short = Batch(batch.inputs[:2], batch.targets[:2], None)
    again = uoro(model, carried=True)
    expected = again.update(model, short, again.initial_state(model, 2)).state.memory
    for found, wanted in zip(after, expected, strict=True):
        torch.testing.assert_close(found[1], wanted[1])
        assert not torch.allclose(found[0], wanted[0])


def test_a_model_whose_state_no_weight_reaches_has_the_direct_gradient():
    model, batch = regressor(CELLS["echo-state"](3, 6)), series(5, 2)
    found, _ = gradient_of(uoro(model), model, batch)
    expected, _ = gradient_of(BPTT(frozen(model)), model, batch)
    torch.testing.assert_close(found, expected)


def test_dropout_is_refused():
    model = language_model(cell="gru", dropout=0.2)
    with pytest.raises(ConfigError, match="leave out dropout and zoneout"):
        gradient_of(uoro(model), model, tokens(3, 2))
