"""Settings of one value for each row: a grid of reservoirs as one batch."""

import copy

import pytest
import torch

from elman.cells import EchoStateCell, echo_state
from elman.engine import explain, unroll, unroll_eager

ROWS = 4
GRID = {
    "spectral_radius": [0.0, 0.5, 0.9, 1.2],
    "leak": [1.0, 0.2, 0.5, 0.9],
    "input_scaling": [0.1, 1.0, 3.0, 0.5],
    "feedback_scaling": [2.0, 0.3, 0.1, 1.0],
    "bias_scaling": [0.0, 0.1, 0.5, 1.0],
}


@pytest.fixture(autouse=True)
def doubles():
    """Draw in float64, so that rounding does not hide differences."""
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def build(size, **settings):
    torch.manual_seed(size)
    return EchoStateCell(3, size, feedback_size=1, **settings)


@pytest.mark.parametrize("size", [30, 600])  # stored with and without zeros
@pytest.mark.parametrize("names", [tuple(GRID), *((name,) for name in GRID)], ids=" ".join)
def test_each_row_is_the_reservoir_of_its_settings(monkeypatch, size, names):
    if size == 600:  # about what it is, which takes long to find
        monkeypatch.setattr(echo_state, "radius_of", lambda product, size: 4.5)
    grid = build(size, **{name: torch.tensor(GRID[name]) for name in names})
    inputs = torch.randn(25, ROWS, 3)
    outputs, final = unroll(grid, inputs)
    plain, _ = unroll_eager(grid, inputs, grid.initial_state(ROWS))
    torch.testing.assert_close(outputs, plain, rtol=0, atol=1e-12)
    for row in range(ROWS):
        single = build(size, **{name: GRID[name][row] for name in names})
        expected, last = unroll(single, inputs[:, row : row + 1])
        torch.testing.assert_close(outputs[:, row : row + 1], expected, rtol=0, atol=1e-12)
        torch.testing.assert_close(final.hidden[row : row + 1], last.hidden, rtol=0, atol=1e-12)


def test_a_grid_is_native_and_has_gradients():
    grid = build(30, leak=torch.tensor(GRID["leak"]))
    inputs = torch.randn(6, ROWS, 3)
    for kind in (torch.float64, torch.float32):
        assert explain(copy.deepcopy(grid).to(kind), inputs.to(kind)).startswith("reservoir")
    wanted = inputs.clone().requires_grad_()
    outputs, _ = unroll(grid, wanted)
    outputs.sum().backward()
    assert wanted.grad.abs().min() > 0
    said = explain(grid.float(), wanted.float())
    assert "no cell with settings of its own for each row" in said


def test_settings_follow_the_weights():
    grid = build(20, leak=torch.tensor(GRID["leak"]), spectral_radius=torch.rand(ROWS))
    other = build(20, leak=torch.rand(ROWS) / 2 + 0.1, spectral_radius=torch.rand(ROWS))
    other.load_state_dict(grid.state_dict())
    inputs = torch.randn(5, ROWS, 3)
    expected, _ = unroll(grid, inputs)
    assert torch.equal(unroll(other, inputs)[0], expected)
    assert torch.equal(unroll(copy.deepcopy(grid), inputs)[0], expected)
    assert grid.float().leak.dtype == torch.float32
    assert grid.resized(5).rows == ROWS
    assert build(20).rows is None


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"leak": torch.ones(3), "spectral_radius": torch.ones(16)},
            "settings of one value a row must be equally many, got 16 of spectral_radius, "
            "3 of leak",
        ),
        ({"leak": torch.ones(2, 2)}, r"leak must be a number, .* got shape \[2, 2\]"),
        ({"bias_scaling": torch.ones(0)}, r"bias_scaling must be a number, .* got shape \[0\]"),
        ({"leak": torch.tensor([0.5, 1.5])}, "leak must be above 0, up to 1, got 1.5"),
        ({"spectral_radius": torch.tensor([1.0, -2.0])}, "must be 0 or more, got -2.0"),
    ],
)
def test_wrong_settings_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        build(10, **settings)


def test_a_batch_of_other_rows_is_refused():
    grid = build(10, leak=torch.tensor(GRID["leak"]))
    with pytest.raises(ValueError, match=r"each of 4 rows, got inputs \[2, 5, 3\]"):
        unroll(grid, torch.randn(2, 5, 3))
