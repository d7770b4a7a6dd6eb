"""Which groups of a clockwork cell change when, and what they see."""

import pytest
import torch

from elman.cells import ClockedCell, ClockworkCell
from elman.engine import unroll


@pytest.mark.parametrize(
    ("units", "periods"),
    [
        (128, (1, 2, 4, 8, 16, 32, 64, 128)),
        (6, (1, 2, 4, 8, 16, 32)),
        (9, (1, 2, 4)),
        (11, (1,)),
        (1, (1,)),
    ],
)
def test_without_periods_they_double(units, periods):
    cell = ClockworkCell(3, units)
    assert isinstance(cell, ClockedCell)
    assert cell.periods == periods


def test_groups_change_at_the_steps_that_their_periods_divide():
    cell = ClockworkCell(3, 6, periods=(1, 3, 4))
    outputs, final = unroll(cell, torch.randn(30, 2, 3))
    before = torch.cat([torch.zeros(1, 2, 6), outputs[:-1]])
    changed = (outputs != before).view(30, 2, 3, 2).all(-1)
    still = (outputs == before).view(30, 2, 3, 2).all(-1)
    for group, period in enumerate(cell.periods):
        ticks = (torch.arange(30) % period == 0).unsqueeze(-1).expand(30, 2)
        assert torch.equal(changed[..., group], ticks)
        assert torch.equal(still[..., group], ~ticks)
    assert final.clock.tolist() == [[30 % 12], [30 % 12]]


def test_slow_groups_feed_fast_ones_and_never_the_reverse():
    cell = ClockworkCell(3, 6, periods=(1, 2, 4)).double()
    state = cell.initial_state(1)
    projected = cell.project(torch.randn(1, 3, dtype=torch.float64))

    def step(hidden):
        return cell.step(projected, state._replace(hidden=hidden))[0]

    jacobian = torch.autograd.functional.jacobian(step, torch.randn(1, 6, dtype=torch.float64))
    blocks = (jacobian[0, :, 0] != 0).view(3, 2, 3, 2).transpose(1, 2)  # [to, from, unit, unit]
    upper = torch.ones(3, 3, dtype=torch.bool).triu()
    assert torch.equal(blocks.all(-1).all(-1), upper)
    assert torch.equal(blocks.any(-1).any(-1), upper)


def test_weights_fall_with_the_number_of_groups():
    def weights(groups):
        cell = ClockworkCell(1, 64, periods=tuple(2**index for index in range(groups)))
        return sum(parameter.numel() for parameter in cell.recurrent_maps.parameters())

    assert weights(1) == 64 * 64
    assert weights(8) == 64 * 64 * 9 // 16  # the blocks on and above the diagonal


def test_each_row_has_a_clock_of_its_own():
    cell = ClockworkCell(3, 4, periods=(1, 5))
    inputs = torch.randn(7, 2, 3)
    resets = torch.zeros(7, 2, dtype=torch.bool)
    resets[3, 1] = True
    outputs, final = unroll(cell, inputs, resets=resets)
    assert final.clock.tolist() == [[2.0], [4.0]]
    alone, _ = unroll(cell, inputs[3:, 1:])
    torch.testing.assert_close(outputs[3:, 1:], alone)


def test_a_clock_that_cannot_count_so_far_says_so():
    cell = ClockworkCell(3, 4, periods=(1, 257)).bfloat16()
    with pytest.raises(ValueError, match=r"bfloat16 counts exactly to 256 only.*257 steps"):
        cell.initial_state(1)
    cell = ClockworkCell(3, 4, periods=(1, 256)).bfloat16()
    _, final = unroll(cell, torch.zeros(300, 1, 3, dtype=torch.bfloat16))
    assert final.clock.item() == 300 - 256
