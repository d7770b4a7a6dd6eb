"""bfloat16 on the CPU: products of rounded factors, everything else in float32."""

import pytest
import torch

from elman.cells import CELLS, GRUCell, LSTMCell
from elman.engine import choose, unroll, unroll_eager
from elman.engine.native.target import host
from elman.nn import RNN

pytestmark = pytest.mark.skipif(
    not host().has_bfloat16, reason="this processor multiplies no bfloat16 numbers"
)


def gradients(run, cell, inputs):
    outputs, state = run(cell, inputs)
    leaves = [inputs, *(weight for weight in cell.parameters() if weight.requires_grad)]
    loss = outputs.sin().sum() + state[0].cos().sum()
    return [outputs.detach(), *torch.autograd.grad(loss, leaves, allow_unused=True)]


@pytest.mark.parametrize("name", ["lstm", "gru", "layer-norm-lstm", "clockwork", "slstm"])
def test_rounding_is_all_that_differs(name):
    torch.manual_seed(0)
    cell = CELLS[name](33, 48)
    inputs = torch.randn(9, 6, 33, requires_grad=True)
    exact = gradients(lambda c, x: unroll_eager(c, x, c.initial_state(6)), cell, inputs)
    with torch.autocast("cpu", torch.bfloat16):
        assert choose(cell, inputs, cell.initial_state(6)).backend == "compiled"
        rounded = gradients(unroll, cell, inputs)
    for one, two in zip(rounded, exact, strict=True):
        assert one.dtype == torch.float32
        if two.norm() == 0:  # a clock that has not come round
            assert one.norm() == 0
            continue
        error = (one - two).norm() / two.norm()
        assert 1e-5 < error < 3e-2


def test_inputs_may_be_rounded_already():
    cell = GRUCell(5, 8)
    inputs = torch.randn(4, 3, 5)
    with torch.autocast("cpu", torch.bfloat16):
        outputs, _ = unroll(cell, inputs.bfloat16())
        expected, _ = unroll(cell, inputs.bfloat16().float())
    assert torch.equal(outputs, expected)


def test_half_precision_and_float64_go_through_the_definition():
    cell, inputs = LSTMCell(3, 4), torch.randn(4, 2, 3)
    with torch.autocast("cpu", torch.float16):
        assert choose(cell, inputs, cell.initial_state(2)).backend == "eager"
    with torch.autocast("cpu", torch.bfloat16):
        double = LSTMCell(3, 4).double()
        assert choose(double, inputs.double(), double.initial_state(2)).backend == "eager"


def test_a_stack_learns_as_in_float32():
    losses = []
    for rounded in (False, True):
        torch.manual_seed(1)
        rnn = RNN("lstm", 6, 24, num_layers=2)
        read = torch.nn.Linear(24, 6)
        weights = [*rnn.parameters(), *read.parameters()]
        optimizer = torch.optim.Adam(weights, lr=1e-2)
        generator = torch.Generator().manual_seed(2)
        for _ in range(60):
            inputs = torch.randn(8, 16, 6, generator=generator)
            with torch.autocast("cpu", torch.bfloat16, enabled=rounded):
                error = read(rnn(inputs)[0][2:]).float() - inputs[:-2]
            loss = error.square().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        losses.append(loss.item())
    assert losses[0] < 0.9
    assert abs(losses[1] - losses[0]) < 0.03
