"""The parallel scan against the loop."""

import pytest
import torch

from elman.cells import CELLS, LinearCell, LSTMCell, MinGRUCell
from elman.engine.eager import unroll_eager
from elman.engine.triton import scan
from elman.engine.triton.scan import linear_scan, reasons_against_scan, unroll_scan
from elman.state import map_state, tensors

LINEAR = {name: cell for name, cell in CELLS.items() if issubclass(cell, LinearCell)}


@pytest.fixture(params=["kernel", "torch"])
def way(request, monkeypatch):
    """Scan by the kernel, in tiles so small that there are several, or by torch operations."""
    monkeypatch.setattr(scan, "STEPS", 4)
    monkeypatch.setattr(scan, "FEATURES", 4)
    if request.param == "torch":
        monkeypatch.setattr(scan, "can_launch", lambda _: False)


def loop(a, b, start, reverse=False):
    state, states = start, []
    order = range(len(a) - 1, -1, -1) if reverse else range(len(a))
    for t in order:
        state = a[t] * state + b[t]
        states.append(state)
    return torch.stack(states[::-1] if reverse else states)


def numbers(device, time, dtype=torch.float64):
    torch.manual_seed(0)
    shape = (time, 2, 3)
    made = [torch.randn(shape, dtype=dtype), torch.randn(shape, dtype=dtype)]
    made.append(torch.randn(shape[1:], dtype=dtype))
    return [part.to(device).requires_grad_() for part in made]


def gradients(run, cell, sequence, state, *options):
    leaf = sequence.clone().requires_grad_()
    start = map_state(lambda part: part.clone().requires_grad_(), state)
    results = list(tensors(run(cell, leaf, start, *options)))
    loss = sum((part + 1).cos().sum() for part in results)
    wanted = [leaf, *tensors(start), *cell.parameters()]
    return [*results, *torch.autograd.grad(loss, wanted)]


def assert_same(actual, expected, tolerance=1e-12):
    for left, right in zip(actual, expected, strict=True):
        torch.testing.assert_close(left, right, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("time", [1, 3, 9])
@pytest.mark.parametrize("dtype", [torch.float64, torch.complex128], ids=str)
@pytest.mark.parametrize("reverse", [False, True])
def test_states_and_gradients_of_the_loop(time, dtype, reverse, way, device):
    given = numbers(device, time, dtype)
    found = []
    for states in (linear_scan(*given, reverse=reverse), loop(*given, reverse)):
        loss = (states + 1).abs().square().cos().sum()
        found.append([states, *torch.autograd.grad(loss, given)])
    assert_same(*found)


def test_float32(way, device):
    given = numbers(device, 9, torch.float32)
    assert_same([linear_scan(*given)], [loop(*given)], tolerance=1e-5)


def test_a_gradient_of_a_gradient(way, device):
    given = numbers(device, 3)
    found = []
    for states in (linear_scan(*given), loop(*given)):
        first = torch.autograd.grad(states.square().sum(), given, create_graph=True)
        loss = sum(part.square().sum() for part in first)
        found.append(torch.autograd.grad(loss, given))
    assert_same(*found)


@pytest.mark.parametrize("name", LINEAR)
def test_cells_with_lengths_and_resets(name, way, device):
    torch.manual_seed(0)
    cell = LINEAR[name](3, 3).to(device, torch.float64)
    sequence = torch.randn(5, 3, 3, device=device, dtype=torch.float64)
    state = map_state(torch.randn_like, cell.initial_state(3))
    lengths = torch.tensor([5, 0, 3], device=device)
    resets = torch.rand(5, 3, device=device) < 0.4
    for options in ((None, None), (lengths, None), (None, resets), (lengths, resets)):
        actual = gradients(unroll_scan, cell, sequence, state, *options)
        assert_same(actual, gradients(unroll_eager, cell, sequence, state, *options))


def test_a_long_sequence_in_tiles_of_the_usual_size(device):
    torch.manual_seed(0)
    cell = MinGRUCell(1, 2).to(device, torch.float64)
    sequence = torch.randn(70, 1, 1, device=device, dtype=torch.float64)
    with torch.no_grad():
        actual = tensors(unroll_scan(cell, sequence, cell.initial_state(1)))
        assert_same(actual, tensors(unroll_eager(cell, sequence, cell.initial_state(1))))


def test_reasons():
    assert reasons_against_scan(MinGRUCell(1, 1)) is None
    assert reasons_against_scan(LSTMCell(1, 1)) == "LSTMCell is no linear recurrence"
