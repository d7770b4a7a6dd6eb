"""Zoneout by its equation, in training and in expectation."""

from itertools import pairwise
from typing import NamedTuple

import pytest
import torch
from torch import Tensor, nn

from elman.cells import CELLS, Cell, ClockworkCell, ClosedLoopCell, LSTMCell
from elman.engine import unroll
from elman.nn import LayerNorm, Zoneout
from elman.state import map_state, tensors


def held(cell, state):
    """The parts of a state that may keep their values, and those that always advance."""
    parts = state._asdict()
    advancing = [parts.pop(name) for name in cell.always_advance]
    return list(parts.values()), advancing


@pytest.mark.parametrize("name", CELLS)
def test_each_unit_keeps_its_value_or_takes_the_new_one(name):
    torch.manual_seed(0)
    inner = CELLS[name](3, 100).double()
    cell = Zoneout(inner, 0.3)
    state = map_state(torch.randn_like, inner.initial_state(50))
    projected = cell.project(torch.randn(50, 3, dtype=torch.float64))
    _, after = cell.step(projected, state)
    _, new = inner.step(projected.projected, state)
    masks, _ = held(inner, projected.keep)
    before, _ = held(inner, state)
    fresh, advanced = held(inner, new)
    zoned, advancing = held(inner, after)
    for mask, *parts in zip(masks, before, fresh, zoned, strict=True):
        assert set(mask.unique().tolist()) == {0.0, 1.0}
        assert mask.mean() == pytest.approx(0.3, abs=0.03)  # 5,000 draws: deviation 0.0065
        torch.testing.assert_close(parts[2], torch.where(mask == 1, parts[0], parts[1]))
    assert all(map(torch.equal, advancing, advanced))
    for first, second in pairwise(masks):
        assert not torch.equal(first, second)


@pytest.mark.parametrize("name", CELLS)
def test_evaluation_takes_the_expectation(name):
    inner = CELLS[name](3, 4).double()
    cell = Zoneout(inner, 0.3).eval()
    state = map_state(torch.randn_like, inner.initial_state(2))
    projected = cell.project(torch.randn(2, 3, dtype=torch.float64))
    _, after = cell.step(projected, state)
    _, new = inner.step(projected.projected, state)
    parts = (held(inner, each)[0] for each in (state, new, after))
    for before, fresh, zoned in zip(*parts, strict=True):
        torch.testing.assert_close(zoned, 0.3 * before + 0.7 * fresh)
    assert all(map(torch.equal, held(inner, after)[1], held(inner, new)[1]))


@pytest.mark.parametrize("name", sorted(CELLS.keys() - {"sru", "lru"}))  # these compute it
@pytest.mark.parametrize("training", [True, False])
def test_the_output_is_the_zoned_out_state(name, training):
    cell = Zoneout(CELLS[name](3, 4), 0.5).train(training)
    outputs, final = unroll(cell, torch.randn(5, 2, 3))
    assert any(torch.equal(outputs[-1], part) for part in tensors(final))


def test_masks_are_fresh_at_each_step():
    torch.manual_seed(0)
    keep = Zoneout(LSTMCell(3, 100), 0.5).project(torch.zeros(2, 50, 3)).keep
    assert (keep.hidden[0] == keep.hidden[1]).float().mean() == pytest.approx(0.5, abs=0.05)


def test_a_computed_output_stays_as_it_is():
    inner = LayerNorm(LSTMCell(3, 4))
    cell = Zoneout(inner, 0.9)
    projected = cell.project(torch.randn(2, 3))
    output, _ = cell.step(projected, inner.initial_state(2))
    expected, _ = inner.step(projected.projected, inner.initial_state(2))
    torch.testing.assert_close(output, expected)


def test_a_clock_advances_in_a_nested_state():
    loop = ClosedLoopCell(ClockworkCell(2, 4), nn.Linear(4, 1))
    _, final = unroll(Zoneout(loop, 0.9), torch.randn(5, 2, 1))
    assert final.inner.clock.tolist() == [[5.0], [5.0]]


class ClockState(NamedTuple):
    units: Tensor
    clock: Tensor


class ClockCell(Cell[ClockState]):
    def __init__(self, size):
        super().__init__(size, size)
        self.gain = nn.Parameter(torch.ones(size))

    def initial_state(self, batch_size):
        clock = torch.zeros(batch_size, dtype=torch.long)
        return ClockState(self.gain.new_zeros(batch_size, self.output_size), clock)

    def project(self, inputs):
        return inputs

    def step(self, projected, state):
        units = self.gain * projected
        return units, ClockState(units, state.clock + 1)


def test_clocks_always_advance():
    _, final = unroll(Zoneout(ClockCell(3), 0.9), torch.randn(5, 2, 3))
    assert final.clock.tolist() == [5, 5]
    assert final.clock.dtype == torch.long
