"""The measure of memory, on a delay line whose memory is known."""

import pytest
import torch

from elman.reproduce import memory_capacity
from elman.reproduce.memory_capacity import SYSTEMS, build, delayed, rows, squared_correlation

UNITS = 6


@pytest.fixture(autouse=True)
def short_series(monkeypatch):
    monkeypatch.setattr(memory_capacity, "LEARNT", 4000)
    monkeypatch.setattr(memory_capacity, "HELD_OUT", 4000)
    monkeypatch.setattr(memory_capacity, "CHUNK", 1000)


def test_delays_count_from_the_present():
    signal = torch.arange(20.0)
    assert delayed(signal, 5, 8, 4)[:, 0].tolist() == [[5, 4, 3, 2], [6, 5, 4, 3], [7, 6, 5, 4]]


def test_the_squared_correlation_is_that_of_torch():
    both = torch.randn(2, 50, 3, dtype=torch.float64)
    expected = [torch.corrcoef(both[..., k])[0, 1] ** 2 for k in range(3)]
    torch.testing.assert_close(squared_correlation(*both), torch.stack(expected))


@pytest.mark.parametrize("length", [2, 6])
def test_a_delay_line_remembers_its_length(length):
    """What was read moves from unit to unit; those beyond its length stay silent."""
    torch.manual_seed(0)
    cell = build(SYSTEMS["random"], UNITS)
    shift = torch.diag(torch.ones(length - 1, dtype=torch.float64), -1)
    cell.recurrent_map.weight.zero_()[:length, :length] = shift
    cell.input_map.weight.zero_()[0] = 1
    assert memory_capacity.memory_capacity(cell) == pytest.approx(length, abs=0.02)


def test_orthogonal_weights_are_a_scaled_rotation():
    weight = build(SYSTEMS["orthogonal"], UNITS).recurrent_map.weight
    torch.testing.assert_close(weight.T @ weight, 0.95**2 * torch.eye(UNITS, dtype=torch.float64))


def test_the_target_is_n_less_one_percent():
    targets = {row.name: row.target for row in rows() if row.target is not None}
    assert targets == {"orthogonal, N = 50": 49.5, "orthogonal, N = 100": 99.0}
