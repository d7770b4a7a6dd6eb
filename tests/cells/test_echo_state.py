"""Reservoirs: how they are drawn and scaled, and that nothing changes them."""

import numpy as np
import pytest
import torch

from elman import memory
from elman.cells import CELLS, EchoStateCell, ReservoirCell, SparseMap, echo_state
from elman.engine import unroll


def matrix(cell):
    """The recurrent matrix, with its zeros."""
    units = cell.output_size
    identity = torch.eye(units, dtype=cell.recurrent_map.weight.dtype)
    return cell.recurrent_map(identity).T.numpy()


@pytest.mark.parametrize("units", [1, 4, 50, 400])
@pytest.mark.parametrize("radius", [0.8, 1.25])
def test_the_spectral_radius_is_the_one_asked_for(units, radius):
    torch.manual_seed(0)
    cell = EchoStateCell(1, units, spectral_radius=radius)
    found = np.abs(np.linalg.eigvals(matrix(cell).astype(np.float64))).max()
    assert found == pytest.approx(radius, rel=1e-5)


@pytest.mark.parametrize(("density", "entries"), [(0.1, 8), (0.5, 40), (1.0, 80), (1e-9, 1)])
@pytest.mark.parametrize("sparse", [False, True])
def test_each_unit_reads_as_many_units(monkeypatch, density, entries, sparse):
    monkeypatch.setattr(echo_state, "SPARSE_SIZE", 1 if sparse else 1000)
    monkeypatch.setattr(echo_state, "SPARSE_DENSITY", 1.0)
    torch.manual_seed(0)
    cell = EchoStateCell(1, 80, density=density)
    assert isinstance(cell.recurrent_map, SparseMap) == sparse
    assert ((matrix(cell) != 0).sum(1) == entries).all()
    assert cell.recurrent_map.weight.numel() == (80 * entries if sparse else 80 * 80)


def test_both_ways_of_storing_draw_the_same_reservoir(monkeypatch):
    cells = []
    for size in (1000, 1):
        monkeypatch.setattr(echo_state, "SPARSE_SIZE", size)
        torch.manual_seed(0)
        cells.append(EchoStateCell(3, 60))
    with_zeros, without = cells
    assert isinstance(without.recurrent_map, SparseMap)
    np.testing.assert_allclose(matrix(without), matrix(with_zeros), rtol=1e-6)
    inputs = torch.randn(20, 2, 3)
    torch.testing.assert_close(unroll(without, inputs)[0], unroll(with_zeros, inputs)[0])


def test_the_scalings_bound_the_weights():
    torch.manual_seed(0)
    cell = EchoStateCell(
        5, 500, feedback_size=2, input_scaling=0.3, feedback_scaling=0.05, bias_scaling=2.0
    )
    parts = [(cell.input_map.weight[:, :3], 0.3), (cell.input_map.weight[:, 3:], 0.05)]
    for part, bound in [*parts, (cell.input_map.bias, 2.0)]:
        assert part.abs().max() == pytest.approx(bound, rel=0.02)
        assert part.mean() == pytest.approx(0, abs=0.1 * bound)
    assert not EchoStateCell(5, 50).input_map.bias.any()


def test_nothing_is_learnt_and_gradients_pass_through():
    cell = EchoStateCell(3, 20)
    assert isinstance(cell, ReservoirCell)
    assert not any(parameter.requires_grad for parameter in cell.parameters())
    inputs = torch.randn(4, 2, 3, requires_grad=True)
    unroll(cell, inputs)[0].sum().backward()
    assert inputs.grad.abs().min() > 0


@pytest.mark.parametrize("leak", [1.0, 0.3])
def test_a_reservoir_forgets_how_it_started(leak):
    torch.manual_seed(0)
    cell = EchoStateCell(1, 100, spectral_radius=0.8, leak=leak).double()
    inputs = torch.randn(300, 2, 1, dtype=torch.float64)[:, :1].expand(300, 2, 1)
    start = echo_state.EchoState(torch.randn(2, 100, dtype=torch.float64))
    outputs, _ = unroll(cell, inputs, start)
    assert (outputs[0, 0] - outputs[0, 1]).norm() > 1
    assert (outputs[-1, 0] - outputs[-1, 1]).norm() < 1e-6


def test_leak_is_the_rate_of_change():
    cell = EchoStateCell(1, 10, leak=0.25, spectral_radius=0.0)
    outputs, _ = unroll(cell, torch.ones(40, 1, 1))
    settled = cell.project(torch.ones(1, 1)).tanh()[0]
    torch.testing.assert_close(outputs[0, 0], 0.25 * settled)
    torch.testing.assert_close(outputs[39, 0], (1 - 0.75**40) * settled)


def test_a_nilpotent_reservoir_is_named(monkeypatch):
    # Each unit reads one at least, so only entries drawn as exactly zero make one.
    monkeypatch.setattr(echo_state, "radius_of", lambda product, size: 0.0)
    with pytest.raises(ValueError, match="nilpotent, its spectral radius is 0"):
        EchoStateCell(1, 5)


def test_a_large_reservoir_stores_no_zeros():
    torch.manual_seed(0)
    cell = EchoStateCell(1, 3000, density=0.004)
    assert cell.recurrent_map.weight.shape == (3000, 12)
    assert unroll(cell, torch.randn(3, 1, 1))[0].isfinite().all()


def test_a_machine_that_does_not_tell_its_memory_is_not_asked(monkeypatch):
    monkeypatch.delattr(memory.os, "sysconf")
    assert CELLS["echo-state"](1, 4).output_size == 4
