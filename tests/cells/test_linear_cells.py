"""Linear cells: the recurrence of their coefficients, scanned in parallel, is the cell."""

import numpy as np
import pytest
import torch

from elman.cells import CELLS, LinearCell, LRUCell, MinLSTMCell, SRUCell
from elman.engine import unroll
from elman.state import rebuild, tensors

LINEAR = {name: cell for name, cell in CELLS.items() if issubclass(cell, LinearCell)}


def scan(a, b):
    """Prefixes of x -> a x + b, composed over doubling distances (Hillis & Steele 1986)."""
    distance = 1
    while distance < len(a):
        earlier_a, earlier_b = torch.ones_like(a), torch.zeros_like(b)
        earlier_a[distance:], earlier_b[distance:] = a[:-distance], b[:-distance]
        a, b = a * earlier_a, a * earlier_b + b
        distance *= 2
    return a, b


def test_the_linear_cells_are_these():
    assert set(LINEAR) == {"min-gru", "min-lstm", "sru", "lru"}


@pytest.mark.parametrize("name", LINEAR)
@pytest.mark.parametrize("inputs", [3, 5])
def test_a_parallel_scan_of_the_coefficients_is_the_cell(name, inputs):
    torch.manual_seed(0)
    cell = LINEAR[name](inputs, 5).double()
    sequence = torch.randn(13, 2, inputs, dtype=torch.float64)
    start = unroll(cell, torch.randn(3, 2, inputs, dtype=torch.float64))[1]
    outputs, final = unroll(cell, sequence, start)
    projected = cell.project(sequence)
    a, b = cell.coefficients(projected)
    parts = list(tensors(start))
    factors, addends = scan(a, b)
    if len(parts) == 2:
        states = factors * torch.complex(*parts) + addends
        states = rebuild(start, [states.real, states.imag])
    else:
        states = rebuild(start, [factors * parts[0] + addends])
    torch.testing.assert_close(cell.read(projected, states), outputs)
    for scanned, wanted in zip(tensors(states), tensors(final), strict=True):
        torch.testing.assert_close(scanned[-1], wanted)


def test_min_lstm_gates_share_what_there_is_however_small():
    cell = MinLSTMCell(1, 2)
    projected = torch.tensor([[-200.0, -200, -300, 300, 1, 1], [5.0, 0, 5, 0, 1, 1]])
    f, i = cell.coefficients(projected)
    torch.testing.assert_close(f, torch.tensor([[1.0, 0.0], [0.5, 0.5]]))
    torch.testing.assert_close(f + i, torch.ones(2, 2))


def test_lru_starts_on_its_ring():
    torch.manual_seed(0)
    cell = LRUCell(3, 20_000, output_size=1, min_radius=0.4, max_radius=0.9, max_phase=1.0)
    a, _ = cell.coefficients(cell.project(torch.zeros(1, 3)))
    radius, phase = a[0].abs().detach().numpy(), a[0].angle().detach().numpy()
    assert radius.min() == pytest.approx(0.4, abs=1e-3)
    assert radius.max() == pytest.approx(0.9, abs=1e-3)
    # Uniform on the ring: half of its area lies within this radius.
    half = np.sqrt((0.4**2 + 0.9**2) / 2)
    assert (radius < half).mean() == pytest.approx(0.5, abs=0.02)
    assert phase.min() == pytest.approx(0.0, abs=1e-3)
    assert phase.max() == pytest.approx(1.0, abs=1e-3)
    scale = cell.gamma.exp().detach().numpy()
    np.testing.assert_allclose(scale, np.sqrt(1 - radius**2), rtol=1e-4)


def test_lru_of_the_whole_disc_is_finite():
    torch.manual_seed(0)
    cell = LRUCell(1, 50_000, output_size=1)
    assert all(parameter.isfinite().all() for parameter in cell.parameters())


def test_lru_cannot_explode():
    cell = LRUCell(2, 50).double()
    with torch.no_grad():
        cell.nu.normal_(std=10)
    outputs, _ = unroll(cell, torch.ones(500, 1, 2, dtype=torch.float64))
    assert outputs.isfinite().all()


def test_sru_shows_its_input_where_the_reset_gate_is_shut():
    cell = SRUCell(4, 4)
    with torch.no_grad():
        cell.gate_map.bias[4:] = -100
    inputs = torch.randn(5, 2, 4)
    torch.testing.assert_close(unroll(cell, inputs)[0], inputs)
