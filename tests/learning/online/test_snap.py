"""SnAp-1 against the masked recursion by hand and by brute force, and against exact RTRL."""

import numpy as np
import pytest
import torch
from torch.autograd.functional import jacobian
from torch.func import functional_call

from elman.cells import CELLS
from elman.data import Batch
from elman.learning import BPTT, RTRL, SnAp
from elman.state import rebuild, tensors
from learning.online.models import (
    cut,
    distance,
    frozen,
    gradient_of,
    gradient_of_stream,
    regressor,
    series,
)


def by_hand(model, batch):
    """SnAp-1 of an Elman network with a linear readout, in NumPy.

    A weight into unit i is kept for unit i alone, so that the influence is a number a weight,
    e_t = (1 - h_t^2) (u_ii e_{t-1} + z_t), where z_t is what the weight multiplies.
    """
    w, b, u, v, c = (parameter.detach().numpy() for parameter in model.parameters())
    own = np.diag(u)
    of_w, of_b, of_u, of_v, of_c = (np.zeros_like(part) for part in (w, b, u, v, c))
    for row in range(batch.inputs.shape[1]):
        h = np.zeros(len(b))
        kept_w, kept_b, kept_u = np.zeros_like(w), np.zeros_like(b), np.zeros_like(u)
        for x, y in zip(batch.inputs[:, row].numpy(), batch.targets[:, row].numpy(), strict=True):
            before, h = h, np.tanh(w @ x + u @ h + b)
            error = 2 * (v @ h + c - y) / batch.targets.numel()
            pull = (1 - h**2) * (v.T @ error)
            past = u.T @ pull
            of_w += np.outer(pull, x) + past[:, None] * kept_w
            of_b += pull + past * kept_b
            of_u += np.outer(pull, before) + past[:, None] * kept_u
            of_v += np.outer(error, h)
            of_c += error
            slope = 1 - h**2
            kept_w = slope[:, None] * (own[:, None] * kept_w + x)
            kept_b = slope * (own * kept_b + 1)
            kept_u = slope[:, None] * (own[:, None] * kept_u + before)
    return [of_w, of_b, of_u, of_v, of_c]


def test_an_elman_network_by_hand():
    model, batch = regressor(CELLS["elman"](3, 4)), series(6, 2)
    learner = SnAp(frozen(model), carried=False)
    gradient_of(learner, model, batch)
    cell = model.rnn.layers[0][0]
    order = [cell.input_map.weight, cell.input_map.bias, cell.recurrent_map.weight]
    order += [model.readout.weight, model.readout.bias]
    for parameter, expected in zip(order, by_hand(model, batch), strict=True):
        np.testing.assert_allclose(parameter.grad.numpy(), expected, rtol=1e-10, atol=1e-14)
    assert learner.influence.entries == 4 * (3 + 4 + 1)  # one number a weight


def by_brute_force(model, batch):
    """The whole Jacobians of every step and row, masked where none of them has a derivative."""
    names = [name for name, _ in model.named_parameters()]
    weights = [parameter.detach() for parameter in model.parameters()]

    def step(x, state, *weights):
        given = dict(zip(names, weights, strict=True))
        parts = rebuild(model.initial_state(1), state.split(sizes, dim=1))
        features, after = functional_call(model, given, (x.view(1, 1, -1), parts))
        return features.flatten(), torch.cat(list(tensors(after)), dim=1).flatten()

    sizes = [part.shape[1] for part in tensors(model.initial_state(1))]
    rows = batch.inputs.shape[1]
    found = []
    for row in range(rows):
        state = torch.zeros(1, sum(sizes), dtype=torch.float64)
        for x, y in zip(batch.inputs[:, row], batch.targets[:, row], strict=True):
            features, after = step(x, state, *weights)
            error = 2 * (features - y) / batch.targets.numel()
            of_features, of_state = (
                [part.flatten(1) for part in whole]
                for whole in jacobian(lambda *at: step(x, *at), (state, *weights))  # noqa: B023
            )
            found.append((error, of_features, of_state))
            state = after.unsqueeze(0)
    every = [torch.cat(of_state[1:], dim=1) for _, _, of_state in found]
    mask = torch.stack(every).ne(0).any(0)
    total = torch.zeros(mask.shape[1], dtype=torch.float64)
    for index, (error, of_features, of_state) in enumerate(found):
        if index % len(batch.inputs) == 0:
            kept = torch.zeros(mask.shape, dtype=torch.float64)
        direct = torch.cat(of_features[1:], dim=1)
        total += error @ direct + error @ of_features[0] @ kept
        kept = mask * (of_state[0] @ kept + every[index])
    return total


@pytest.mark.parametrize(
    ("name", "num_layers"),
    [("elman", 1), ("elman", 2), ("lstm", 1), ("lstm", 2), ("cho-gru", 1), ("lru", 1), ("sru", 2)],
)
def test_any_cell_by_brute_force(name, num_layers):
    model, batch = regressor(CELLS[name](3, 3), num_layers=num_layers), series(5, 2)
    found, _ = gradient_of(SnAp(frozen(model), carried=False), model, batch)
    assert distance(found, by_brute_force(model, batch)) < 1e-10


@pytest.mark.parametrize("name", ["min-gru", "min-lstm", "sru"])
@pytest.mark.parametrize("num_layers", [1, 2])
def test_where_no_unit_sees_another_it_is_exact(name, num_layers):
    model, batch = regressor(CELLS[name](3, 4), num_layers=num_layers), series(6, 2)
    found, _ = gradient_of(SnAp(frozen(model), carried=False), model, batch)
    expected, _ = gradient_of(RTRL(frozen(model), carried=False), model, batch)
    assert distance(found, expected) < 1e-12


@pytest.mark.parametrize("name", ["elman", "lstm", "gru"])
def test_elsewhere_it_is_near_the_gradient_but_not_it(name):
    model, batch = regressor(CELLS[name](3, 4)), series(6, 2)
    found, _ = gradient_of(SnAp(frozen(model), carried=False), model, batch)
    expected, _ = gradient_of(BPTT(frozen(model)), model, batch)
    assert 1e-3 < distance(found, expected) < 0.5


def test_what_is_carried_makes_one_sequence_of_all_batches():
    model, whole = regressor(CELLS["lstm"](3, 4)), series(12, 2)
    expected, _ = gradient_of(SnAp(frozen(model), carried=False), model, whole)
    found = gradient_of_stream(SnAp(frozen(model), carried=True), model, cut(whole, 3))
    assert distance(found, expected) < 1e-10


def test_steps_past_the_end_of_a_row_do_not_count():
    model, batch = regressor(CELLS["lstm"](3, 4)), series(6, 2, lengths=[6, 2])
    found, _ = gradient_of(SnAp(frozen(model), carried=False), model, batch)
    parts = [
        Batch(batch.inputs[:steps, row : row + 1], batch.targets[:steps, row : row + 1], None)
        for row, steps in enumerate([6, 2])
    ]
    alone = [gradient_of(SnAp(frozen(model), carried=False), model, part)[0] for part in parts]
    assert distance(found, (6 * alone[0] + 2 * alone[1]) / 8) < 1e-10
