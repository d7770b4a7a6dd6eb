"""A closed loop is the loop by hand, and what it was taught is what it does."""

import pytest
import torch
from torch import nn

from elman.cells import ClosedLoopCell, EchoStateCell, LSTMCell
from elman.engine import unroll


@pytest.mark.parametrize("reads_inputs", [False, True])
def test_it_is_the_loop_by_hand(reads_inputs):
    torch.manual_seed(0)
    cell = LSTMCell(3, 4).double()
    readout = nn.Linear(4 + 3 * reads_inputs, 2).double()
    sequence = torch.randn(6, 5, 1, dtype=torch.float64)
    outputs, final = unroll(ClosedLoopCell(cell, readout), sequence)
    state, y = cell.initial_state(5), torch.zeros(5, 2, dtype=torch.float64)
    for x, output in zip(sequence, outputs, strict=True):
        both = torch.cat([x, y], dim=1)
        h, state = cell.step(cell.project(both), state)
        y = readout(torch.cat([h, both], dim=1) if reads_inputs else h)
        torch.testing.assert_close(output, y)
    torch.testing.assert_close(final.output, y)
    torch.testing.assert_close(final.inner.hidden, state.hidden)


def test_a_reservoir_goes_on_with_the_sine_it_was_taught():
    torch.manual_seed(0)
    cell = EchoStateCell(2, 100, feedback_size=1, density=0.1, bias_scaling=0.2).double()
    wave = torch.sin(torch.arange(601, dtype=torch.float64) * 0.2)
    inputs = torch.stack([torch.zeros(600), wave[:600]], dim=-1).double()  # what comes, y before
    states, final = unroll(cell, inputs[:, None])
    readout = nn.Linear(100, 1, bias=False).double()
    seen, wanted = states[100:, 0], wave[101:]
    ridge = seen.T @ seen + 1e-8 * torch.eye(100, dtype=torch.float64)
    with torch.no_grad():
        readout.weight.copy_(torch.linalg.solve(ridge, seen.T @ wanted))
    loop = ClosedLoopCell(cell, readout)
    start = loop.initial_state(1)._replace(inner=final, output=wave[600].view(1, 1))
    outputs, _ = unroll(loop, torch.zeros(200, 1, 1, dtype=torch.float64), start)
    expected = torch.sin(torch.arange(601, 801, dtype=torch.float64) * 0.2)
    torch.testing.assert_close(outputs[:, 0, 0], expected, rtol=0, atol=1e-3)
