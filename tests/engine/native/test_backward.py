import pytest
import torch

from elman.cells import CELLS
from elman.engine import unroll, unroll_eager
from elman.state import tensors

TIME, BATCH, INPUT, HIDDEN = 3, 2, 3, 4


@pytest.mark.parametrize("name", [name for name in CELLS if name != "echo-state"])
def test_a_loss_of_the_final_state_alone_has_the_gradient_of_the_definition(name):
    torch.manual_seed(0)
    cell = CELLS[name](INPUT, HIDDEN)
    inputs = torch.randn(TIME, BATCH, INPUT, requires_grad=True)
    of = [inputs, *cell.parameters()]
    found = []
    for run in (unroll, unroll_eager):
        _, state = run(cell, inputs, cell.initial_state(BATCH))
        loss = sum(part.tanh().sum() for part in tensors(state))
        found.append(torch.autograd.grad(loss, of, allow_unused=True, materialize_grads=True))
    for own, defined in zip(*found, strict=True):
        torch.testing.assert_close(own, defined, rtol=1e-4, atol=1e-5)
