import numpy as np
import pytest
import torch

from elman.cells import ElmanCell, LSTMCell
from elman.engine import unroll
from elman.nn import RNN
from elman.nn.jacobian import recurrent_jacobian, trace_jacobian
from elman.state import rebuild, tensors


def test_the_jacobian_of_an_elman_network_is_that_of_its_equation():
    torch.manual_seed(1)
    cell = ElmanCell(3, 5).double()
    inputs = torch.randn(4, 1, 3, dtype=torch.float64)
    trace = trace_jacobian(lambda x, s: unroll(cell, x, s), inputs, cell.initial_state(1), count=4)
    outputs, _ = unroll(cell, inputs)
    weight = cell.recurrent_map.weight.detach().numpy()
    for step in range(4):
        derivative = 1 - outputs[step, 0].detach().numpy() ** 2
        expected = derivative[:, None] * weight
        radius = np.abs(np.linalg.eigvals(expected)).max()
        assert float(trace.spectral_radius[step]) == pytest.approx(radius, rel=1e-9)
        singular = np.linalg.svd(expected, compute_uv=False)
        np.testing.assert_allclose(trace.singular_values[step], singular, rtol=1e-9)


def test_the_jacobian_of_a_stack_is_that_of_finite_differences():
    torch.manual_seed(2)
    rnn = RNN(LSTMCell(2, 3), num_layers=2).double()
    inputs = torch.randn(1, 1, 2, dtype=torch.float64)
    state = rnn.initial_state(1)
    state = rebuild(state, [torch.randn_like(part) for part in tensors(state)])
    found = recurrent_jacobian(rnn, inputs, state)
    flat = torch.cat([part.flatten() for part in tensors(state)])

    def after(values):
        parts = values.split([part.numel() for part in tensors(state)])
        _, new = rnn(inputs, rebuild(state, [part.view(1, -1) for part in parts]))
        return torch.cat([part.flatten() for part in tensors(new)]).detach()

    for column, unit in enumerate(1e-6 * torch.eye(len(flat), dtype=torch.float64)):
        difference = (after(flat + unit) - after(flat - unit)) / 2e-6
        torch.testing.assert_close(found[:, column], difference, rtol=1e-6, atol=1e-8)


def test_few_steps_are_spread_over_the_sequence():
    cell = ElmanCell(1, 2)
    inputs = torch.zeros(11, 1, 1)
    trace = trace_jacobian(lambda x, s: unroll(cell, x, s), inputs, cell.initial_state(1), count=3)
    assert trace.steps == [0, 5, 10]
    assert trace.singular_values.shape == (3, 2)


def test_an_empty_sequence_is_refused():
    cell = ElmanCell(1, 2)
    with pytest.raises(ValueError, match="at least one time step"):
        trace_jacobian(
            lambda x, s: unroll(cell, x, s), torch.zeros(0, 1, 1), cell.initial_state(1), count=3
        )
