"""The extended Kalman filter against least squares, finite differences and its own equations."""

import copy
import math

import numpy as np
import pytest
import torch
from torch import nn

from elman.data import Batch
from elman.errors import ConfigError, DataError
from elman.learning import (
    Annealing,
    BackwardDerivatives,
    ExtendedKalmanFilter,
    ForwardDerivatives,
    TruncatedBPTT,
    node_groups,
    one_group,
)
from elman.nn import RNN, SequenceRegressor


class Linear(nn.Module):
    """A readout of the inputs themselves."""

    def __init__(self, inputs, outputs):
        super().__init__()
        self.readout = nn.Linear(inputs, outputs, dtype=torch.float64)

    def initial_state(self, batch_size):
        return ()

    def forward(self, inputs, state):
        return self.readout(inputs), state

    def errors(self, features, targets, lengths=None):
        return targets - features

    def criterion(self, features, targets, lengths=None):
        return self.errors(features, targets).square().mean()


def regressor(cell="elman", inputs=1, hidden=3, outputs=1, seed=3):
    torch.manual_seed(seed)
    model = SequenceRegressor(RNN(cell, inputs, hidden), outputs, sees_input=True)
    return model.double()


def stream(steps, rows, inputs=1, outputs=1, seed=5):
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(steps, rows, inputs, generator=generator, dtype=torch.float64)
    y = torch.randn(steps, rows, outputs, generator=generator, dtype=torch.float64)
    return Batch(x, y, None)


def cut(batch, stride):
    return [
        Batch(batch.inputs[start : start + stride], batch.targets[start : start + stride], None)
        for start in range(0, len(batch.inputs), stride)
    ]


def kalman(model, groups=one_group, horizon=8, **settings):
    return ExtendedKalmanFilter(groups(model), BackwardDerivatives(horizon), **settings)


def follow(rule, model, batches):
    state = rule.initial_state(model, batches[0].inputs.shape[1])
    updates = []
    for batch in batches:
        updates.append(rule.update(model, batch, state))
        state = updates[-1].state
    return updates


def weights(model):
    return torch.cat([p.detach().flatten() for p in model.parameters()]).numpy()


def set_weights(model, vector):
    nn.utils.vector_to_parameters(torch.from_numpy(vector), model.parameters())


def outputs_of(model, batch, steps):
    """The outputs of the last steps, after all before them."""
    features, _ = model(batch.inputs, model.initial_state(batch.inputs.shape[1]))
    return features[-steps:].detach().numpy().ravel()


def differences(model, batch, steps, size=1e-6):
    """The derivatives of these outputs by the weights, `[weights, outputs]`."""
    model, start, columns = copy.deepcopy(model), weights(model), []
    for place in range(len(start)):
        ends = []
        for sign in (1, -1):
            moved = start.copy()
            moved[place] += sign * size
            set_weights(model, moved)
            ends.append(outputs_of(model, batch, steps))
        columns.append((ends[0] - ends[1]) / (2 * size))
    return np.array(columns)


@pytest.mark.parametrize(("rows", "stride"), [(1, 1), (3, 1), (2, 4)])
def test_on_a_linear_model_it_is_recursive_least_squares(rows, stride):
    torch.manual_seed(1)
    model, batch = Linear(4, 2), stream(24, rows, 4, 2)
    start, noise, variance = weights(model), 0.3, 5.0
    rule = kalman(model, initial_variance=variance, measurement_noise=noise, process_noise=0.0)
    follow(rule, model, cut(batch, stride))
    # All samples at once: the penalty is on the way from the first weights.
    x = np.concatenate([batch.inputs.flatten(0, 1), np.ones((24 * rows, 1))], axis=1)
    y = batch.targets.flatten(0, 1).numpy()
    first = np.concatenate([start[:8].reshape(2, 4).T, start[8:][None]])
    ridge = noise / variance * np.eye(5)
    expected = np.linalg.solve(x.T @ x + ridge, x.T @ y + ridge @ first)
    np.testing.assert_allclose(
        weights(model), np.concatenate([expected[:4].T.ravel(), expected[4]]), atol=1e-10
    )
    # One covariance for the four weights and the bias of each output, none between the outputs.
    places = [0, 1, 2, 3, 8]
    inverse = np.linalg.inv(x.T @ x / noise + np.eye(5) / variance)
    np.testing.assert_allclose(rule.covariances[0][0][places][:, places], inverse, atol=1e-10)


@pytest.mark.parametrize("groups", [one_group, node_groups])
@pytest.mark.parametrize(
    ("cell", "rows", "stride", "outputs"), [("elman", 1, 1, 2), ("lstm", 2, 2, 1)]
)
def test_an_update_is_the_papers(groups, cell, rows, stride, outputs):
    model, batch = regressor(cell, 2, 3, outputs), stream(6, rows, 2, outputs)
    noise, drift = 0.7, 0.01
    rule = kalman(model, groups, measurement_noise=noise, process_noise=drift, initial_variance=2.0)
    places = [group.numpy() for sized in rule.groups.places for group in sized]
    covariances = [2.0 * np.eye(len(group)) for group in places]
    state = rule.initial_state(model, rows)
    for index, part in enumerate(cut(batch, stride)):
        seen = Batch(*(x[: (index + 1) * stride] for x in batch[:2]), None)
        start = weights(model)
        H = differences(model, seen, stride)
        xi = part.targets.numpy().ravel() - outputs_of(model, seen, stride)
        Hs = [H[group] for group in places]
        A = np.linalg.inv(
            noise * np.eye(len(xi)) + sum(h.T @ P @ h for h, P in zip(Hs, covariances, strict=True))
        )
        expected = start.copy()
        for i, (h, P) in enumerate(zip(Hs, covariances, strict=True)):
            K = P @ h @ A
            expected[places[i]] += K @ xi
            covariances[i] = P - K @ h.T @ P + drift * np.eye(len(P))
        update = rule.update(model, part, state)
        state = update.state
        assert float(update.loss) == pytest.approx((xi**2).mean())
        np.testing.assert_allclose(weights(model), expected, atol=1e-7)
        own = [P.numpy() for sized in rule.covariances for P in sized]
        for P, right in zip(own, covariances, strict=True):
            np.testing.assert_allclose(P, right, atol=1e-7)
            np.testing.assert_array_equal(P, P.T)
        # Rounding of the differences must not add up.
        covariances = [P.copy() for P in own]


def test_derivatives_reach_back_as_far_as_the_horizon():
    model, batch = regressor(hidden=4), stream(6, 2)
    derivatives = BackwardDerivatives(3)
    parameters = list(model.parameters())
    state = derivatives.initial_state(model, 2)
    for part in cut(batch, 1):
        before = state
        found = derivatives.linearise(model, part, state, parameters)
        state = found.state
    assert len(before.inputs) == 2

    def windowed(vector):
        nn.utils.vector_to_parameters(vector, model.parameters())
        features, _ = model(batch.inputs[3:], before.state)
        return features[-1].flatten()

    start = nn.utils.parameters_to_vector(model.parameters()).detach()
    columns = []
    for place in range(len(start)):
        step = torch.zeros_like(start)
        step[place] = 1e-6
        columns.append((windowed(start + step) - windowed(start - step)).detach() / 2e-6)
    torch.testing.assert_close(found.jacobian, torch.stack(columns), atol=1e-8, rtol=1e-6)


def test_a_parameter_that_is_not_used_stays():
    model = Linear(2, 1)
    model.idle = nn.Parameter(torch.ones(3, dtype=torch.float64))
    follow(kalman(model), model, cut(stream(5, 1, 2), 1))
    assert torch.equal(model.idle.detach(), torch.ones(3, dtype=torch.float64))


def test_groups_hold_every_weight_once_and_a_row_of_a_cell_each():
    model = regressor("lstm", 2, 3)
    for groups in (one_group(model), node_groups(model)):
        places = torch.cat([sized.flatten() for sized in groups.places])
        assert torch.equal(places.sort().values, torch.arange(groups.count))
    owner, row = [], []
    for name, parameter in model.named_parameters():
        for r, part in enumerate(parameter):
            owner += [name.startswith("rnn")] * part.numel()
            row += [r] * part.numel()
    groups = [group.tolist() for sized in node_groups(model).places for group in sized]
    assert len(groups) == 12 + 1
    for group in groups:
        assert len({(owner[place], row[place]) for place in group}) == 1
    assert node_groups(model).covariances == 12 * (2 + 3 + 1) ** 2 + 6**2


def test_float32_weights_have_float64_covariances():
    model, batch = regressor().float(), stream(20, 1)
    batch = Batch(batch.inputs.float(), batch.targets.float(), None)
    rule = kalman(model)
    follow(rule, model, cut(batch, 1))
    assert {p.dtype for p in model.parameters()} == {torch.float32}
    assert {P.dtype for P in rule.covariances} == {torch.float64}


def test_a_target_that_is_missing_changes_no_weight():
    model, batch = regressor(), stream(4, 2)
    batch.targets[:] = math.nan
    start = weights(model)
    follow(kalman(model), model, cut(batch, 1))
    np.testing.assert_array_equal(weights(model), start)


def test_a_gap_in_the_inputs_is_one_line():
    model, batch = regressor(inputs=2), stream(4, 2, 2)
    batch.inputs[2, 1, 0] = math.nan
    rule = kalman(model)
    with pytest.raises(DataError, match=r"holds nan \(feature 0, step 2 of the batch, row 1\)"):
        rule.update(model, batch, rule.initial_state(model, 2))


def test_errors_that_are_not_finite_change_nothing():
    model, batch = regressor(), stream(2, 1)
    batch.targets[0] = math.inf
    start, rule = weights(model), kalman(model)
    update = rule.update(model, batch, rule.initial_state(model, 1))
    assert not math.isfinite(float(update.loss))
    np.testing.assert_array_equal(weights(model), start)
    assert rule.updates == 0


def test_lost_definiteness_is_repaired_and_said():
    model, batch = Linear(3, 1), stream(60, 1, 3)
    batch.inputs[:, :, 2] = batch.inputs[:, :, 1]  # what one tells, the other tells too
    rule = kalman(model, initial_variance=1e10, measurement_noise=1e-14, process_noise=0.0)
    with pytest.warns(RuntimeWarning, match="left a covariance indefinite; it is repaired"):
        updates = follow(rule, model, cut(batch, 1))
    assert 0 < sum(update.metrics["repairs"] for update in updates) < 60
    assert np.isfinite(weights(model)).all()


def test_an_indefinite_covariance_becomes_definite_and_learns_on():
    model, batch = regressor(hidden=2), stream(3, 1)
    rule = kalman(model)
    broken = torch.diag(torch.linspace(-1, 1, rule.groups.count, dtype=torch.float64))
    rule.load_state_dict({"updates": 5, "covariances": [broken[None]]})
    with pytest.warns(RuntimeWarning, match="indefinite"):
        updates = follow(rule, model, cut(batch, 1))
    assert [update.metrics["repairs"] for update in updates] == [1, 0, 0]
    assert torch.linalg.eigvalsh(rule.covariances[0]).min() > 0
    assert rule.updates == 8


def test_a_resumed_filter_goes_on_as_if_it_had_not_stopped():
    batches = cut(stream(8, 1), 1)
    noise = Annealing(1.0, 0.1, 8)
    whole = regressor()
    follow(kalman(whole, measurement_noise=noise), whole, batches)
    halves = regressor()
    rule = kalman(halves, measurement_noise=noise)
    state = follow(rule, halves, batches[:4])[-1].state
    kept = copy.deepcopy(rule.state_dict())
    rule = kalman(halves, measurement_noise=noise)
    rule.load_state_dict(kept)
    for batch in batches[4:]:
        state = rule.update(halves, batch, state).state
    np.testing.assert_array_equal(weights(halves), weights(whole))


def test_a_nonlinear_system_is_learnt_from_fewer_samples_than_by_sgd():
    steps, generator = 200, torch.Generator().manual_seed(2)
    x = torch.rand(steps, 1, 1, generator=generator, dtype=torch.float64) - 0.5
    y = torch.zeros_like(x)
    for t in range(1, steps):
        y[t] = 0.4 * y[t - 1] + 2 * x[t] * x[t - 1] + 0.5 * x[t]
    batches = cut(Batch(x, y, None), 1)

    def last_loss(make_rule):
        model = regressor(hidden=4)
        updates = follow(make_rule(model), model, batches)
        return np.mean([float(update.loss) for update in updates[-50:]])

    def descent(rate):
        return lambda model: TruncatedBPTT(torch.optim.SGD(model.parameters(), lr=rate), horizon=4)

    own = last_loss(
        lambda model: kalman(model, horizon=4, initial_variance=100.0, process_noise=1e-5)
    )
    assert own < 0.3 * min(last_loss(descent(rate)) for rate in (0.03, 0.1))


def test_annealing_is_geometric_and_then_stays():
    noise = Annealing(100.0, 1.0, 4)
    found = [noise.value(update) for update in (0, 2, 4, 9)]
    assert found == pytest.approx([100, 10, 1, 1])
    assert Annealing(0.0, 0.0, 1).value(3) == 0


@pytest.mark.parametrize("arguments", [(1.0, 0.0, 5), (-1.0, -1.0, 5), (1.0, 1.0, 0)])
def test_an_annealing_out_of_range_is_refused(arguments):
    with pytest.raises(ValueError, match="expects two values above 0"):
        Annealing(*arguments)


@pytest.mark.parametrize("settings", [{"initial_variance": 0.0}, {"measurement_noise": 0.0}])
def test_a_variance_of_zero_is_refused(settings):
    with pytest.raises(ValueError, match="must be above 0"):
        kalman(regressor(), **settings)


def test_covariances_larger_than_memory_are_refused_before_they_are_made():
    model = Linear(1_000_000, 1)
    with pytest.raises(ValueError, match=r"1,000,001 weights take 14,901 GiB.*: take node groups"):
        kalman(model)


def test_more_errors_than_fit_into_memory_are_refused():
    model = Linear(1, 2_000_000)
    rule = kalman(model, node_groups)
    batch = Batch(torch.zeros(1, 1, 1).double(), torch.zeros(1, 1, 2_000_000).double(), None)
    with pytest.raises(DataError, match=r"2,000,000 errors an update \(1 steps of 1 rows\)"):
        rule.update(model, batch, rule.initial_state(model, 1))


def test_a_model_without_errors_is_refused(make_model):
    model = make_model()
    with pytest.raises(ConfigError, match="TinyModel has neither"):
        kalman(model).initial_state(model, 1)


def test_a_batch_longer_than_the_horizon_is_refused():
    model = regressor()
    rule = kalman(model, horizon=2)
    with pytest.raises(ValueError, match="3 steps is longer than the horizon of 2"):
        rule.update(model, stream(3, 1), rule.initial_state(model, 1))


@pytest.mark.parametrize("cell", ["elman", "lstm", "lru"])
@pytest.mark.parametrize("stride", [1, 3])
def test_derivatives_forward_in_time_are_exact(cell, stride):
    model, batch = regressor(cell, 2, 3, 2), stream(6, 2, 2, 2)
    batch.targets[4, 1] = math.nan
    derivatives = [BackwardDerivatives(6), ForwardDerivatives()]
    states = [one.initial_state(model, 2) for one in derivatives]
    parameters = list(model.parameters())
    for part in cut(batch, stride):
        found = [
            one.linearise(model, part, state, parameters)
            for one, state in zip(derivatives, states, strict=True)
        ]
        states = [one.state for one in found]
        backward, forward = found
        torch.testing.assert_close(forward.jacobian, backward.jacobian, rtol=1e-10, atol=1e-12)
        torch.testing.assert_close(forward.errors, backward.errors, rtol=1e-10, atol=1e-12)
        torch.testing.assert_close(forward.loss, backward.loss, equal_nan=True)
