"""The system is its equation, and the delay lines are what they say."""

import numpy as np
import pytest
import torch

from elman.reproduce import narma10 as experiment
from elman.reproduce.narma10 import CELLS, LAGS, Passed, by_gradient, by_ridge, delay_line, narma10


def test_the_system_is_its_equation():
    given, wanted = narma10(300, torch.Generator().manual_seed(1))
    u, y = given.numpy(), np.zeros(301)
    assert 0 <= u.min() < u.max() <= 0.5
    for t in range(300):
        past = sum(y[t - i] for i in range(10) if t >= i)
        drive = u[t - 9] * u[t] if t >= 9 else 0
        y[t + 1] = 0.3 * y[t] + 0.05 * y[t] * past + 1.5 * drive + 0.1
    np.testing.assert_allclose(wanted, y[1:], rtol=1e-12)


def test_a_series_that_runs_away_is_drawn_again(monkeypatch):
    generator = torch.Generator().manual_seed(1)
    drawn = [narma10(300, generator) for _ in range(6)]
    limit = float(drawn[0][1].max()) - 1e-9
    kept = next(series for series in drawn[1:] if series[1].max() <= limit)
    monkeypatch.setattr(experiment, "LIMIT", limit)
    # A series that is given up half way has drawn its whole input.
    given, wanted = narma10(300, torch.Generator().manual_seed(1))
    assert torch.equal(given, kept[0])
    assert torch.equal(wanted, kept[1])


def test_a_delay_line_holds_the_last_inputs_and_their_products():
    signal = torch.arange(1.0, 41.0, dtype=torch.float64)
    lags = delay_line(signal, products=False)
    assert lags.shape == (40, 1, LAGS)
    assert lags[0, 0].tolist() == [0.0] * (LAGS - 1) + [1.0]
    assert lags[39, 0].tolist() == list(range(41 - LAGS, 41))
    both = delay_line(signal, products=True)[39, 0]
    assert len(both) == LAGS + LAGS * (LAGS + 1) // 2
    assert sorted(both[LAGS:].tolist()) == sorted(
        float(a * b) for a in range(41 - LAGS, 41) for b in range(a, 41)
    )


@pytest.fixture
def short(monkeypatch):
    for name, value in {"WASHOUT": 30, "LEARNT": 200, "UPDATES": 100}.items():
        monkeypatch.setattr(experiment, name, value)


def test_what_is_linear_in_the_delay_line_is_found_on_the_held_out_part(short):
    signal = torch.rand(400, dtype=torch.float64)
    inputs = delay_line(signal, products=False)
    wanted = inputs[:, 0] @ torch.randn(LAGS, dtype=torch.float64) + 0.5
    assert by_ridge(Passed(LAGS), inputs, wanted, 1e-10) < 1e-6
    noise = torch.randn(400, dtype=torch.float64)
    assert 0.9 < by_ridge(Passed(LAGS), inputs, noise, 1e-10) < 1.5


def test_a_trained_cell_learns_to_repeat_its_input(short):
    torch.manual_seed(0)
    signal = torch.rand(460, dtype=torch.float64) / 2
    assert by_gradient(CELLS["elman"](), signal, signal) < 0.1
