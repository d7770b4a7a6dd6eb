"""The stabiliser of the sLSTM keeps numbers in range and changes none."""

import math

import pytest
import torch

from elman.cells import SLSTMCell
from elman.engine import unroll
from elman.state import tensors


def test_the_scale_of_the_memory_does_not_show():
    torch.manual_seed(0)
    cell = SLSTMCell(3, 4).double()
    inputs = torch.randn(5, 2, 3, dtype=torch.float64)
    _, state = unroll(cell, inputs)
    factor = math.exp(3)
    shifted = state._replace(
        cell=state.cell / factor,
        normaliser=state.normaliser / factor,
        stabiliser=state.stabiliser + 3,
    )
    outputs, _ = unroll(cell, inputs, state)
    torch.testing.assert_close(unroll(cell, inputs, shifted)[0], outputs)


@pytest.mark.parametrize("scale", [1e2, 1e4, -1e4])
def test_large_inputs_stay_finite_and_have_gradients(scale):
    torch.manual_seed(0)
    cell = SLSTMCell(3, 4, heads=2)
    inputs = torch.randn(20, 2, 3) * scale
    outputs, final = unroll(cell, inputs)
    assert outputs.abs().max() <= 1
    assert all(part.isfinite().all() for part in tensors(final))
    outputs.square().sum().backward()
    assert all(parameter.grad.isfinite().all() for parameter in cell.parameters())


def test_a_first_input_is_taken_in_however_small_its_gate():
    cell = SLSTMCell(1, 2)
    with torch.no_grad():
        cell.input_map.weight.zero_()
        cell.input_map.bias.copy_(torch.tensor([-500.0, -500, 9, 9, 1, 2, 9, 9]))
    output, _ = cell.step(cell.project(torch.zeros(1, 1)), cell.initial_state(1))
    expected = torch.tensor([[1.0, 2.0]]).tanh() * torch.tensor(9.0).sigmoid()
    torch.testing.assert_close(output, expected)


def test_units_of_different_heads_do_not_meet():
    cell = SLSTMCell(3, 6, heads=3).double()
    state = unroll(cell, torch.randn(4, 1, 3, dtype=torch.float64))[1]
    projected = cell.project(torch.randn(1, 3, dtype=torch.float64))

    def step(hidden):
        return cell.step(projected, state._replace(hidden=hidden))[0]

    jacobian = torch.autograd.functional.jacobian(step, state.hidden.detach())[0, :, 0]
    assert torch.equal(jacobian != 0, torch.block_diag(*[torch.ones(2, 2)] * 3).bool())
