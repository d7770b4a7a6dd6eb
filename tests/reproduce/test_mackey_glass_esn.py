"""The network goes on with its own output, and what is learnt is the series."""

from dataclasses import replace

import pytest
import torch

from elman.reproduce import mackey_glass_esn
from elman.reproduce.mackey_glass_esn import (
    BIAS,
    REPORT,
    error_ahead,
    go_on,
    squash,
    train,
    unsquash,
)


def test_squashing_is_undone():
    series = torch.linspace(0.2, 1.4, 50, dtype=torch.float64)
    torch.testing.assert_close(unsquash(squash(series)), series)


@pytest.fixture
def network(monkeypatch):
    monkeypatch.setattr(mackey_glass_esn, "WASHOUT", 100)
    torch.manual_seed(0)
    small = replace(REPORT, units=30, density=0.2, ridge=1e-6)
    return train(small, torch.sin(torch.arange(400, dtype=torch.float64) / 5))


def test_it_goes_on_as_the_loop_by_hand(network):
    told = torch.sin(torch.arange(130, dtype=torch.float64).unsqueeze(1) / 5 + torch.arange(3))
    cell = network.rnn.layers[0][0]
    state, heard, said = cell.initial_state(3), list(told), []
    for step in range(130 + 9):
        y = heard[step] if step < 130 else said[-1]
        inputs = torch.stack([torch.full_like(y, BIAS), y], dim=1)
        hidden, state = cell.step(cell.project(inputs), state)
        output = network.readout(torch.cat([hidden, inputs], dim=1))[:, 0]
        if step >= 129:
            said.append(output)
    torch.testing.assert_close(go_on(network, told, 10), torch.stack(said))


def test_it_has_learnt_to_go_on(network):
    times = torch.arange(150, dtype=torch.float64).unsqueeze(1)
    wave = torch.sin(times / 5)
    assert (go_on(network, wave[:140], 10) - wave[140:]).abs().max() < 0.01


def test_a_small_network_predicts_the_series_somewhat(monkeypatch):
    monkeypatch.setattr(mackey_glass_esn, "WASHOUT", 200)
    monkeypatch.setattr(mackey_glass_esn, "TRIALS", 5)
    small = replace(REPORT, units=100, density=0.1, steps=1200)
    error, deviation = error_ahead(small, 1, tau=17, horizon=20)
    assert 0.15 < deviation < 0.35
    assert error < 0.1 * deviation
