"""Gradients that are those of the carried state itself, which has no place for each step."""

import copy
from typing import NamedTuple

import pytest
import torch
from torch import Tensor, nn

from elman.cells import Cell
from elman.engine import unroll_compiled, unroll_eager


class Held(NamedTuple):
    hidden: Tensor


class RunningSum(Cell[Held]):
    """The gradient of its inputs is that of its state."""

    def __init__(self, input_size):
        super().__init__(input_size, input_size)
        self.scale = nn.Parameter(torch.rand(input_size) + 0.5)

    def initial_state(self, batch_size):
        return Held(self.scale.new_zeros(batch_size, self.output_size))

    def project(self, inputs):
        return inputs

    def step(self, projected, state):
        hidden = projected + state.hidden
        return hidden * self.scale, Held(hidden)


class Delayed(Cell[Held]):
    """What its product makes leaves by the state alone."""

    def __init__(self, input_size):
        super().__init__(input_size, input_size)
        self.turn = nn.Linear(input_size, input_size, bias=False)

    def initial_state(self, batch_size):
        return Held(self.turn.weight.new_zeros(batch_size, self.output_size))

    def project(self, inputs):
        return inputs

    def step(self, projected, state):
        return state.hidden * projected, Held(self.turn(state.hidden) + projected)


@pytest.mark.parametrize("kind", [RunningSum, Delayed])
@pytest.mark.parametrize("ragged", [False, True])
def test_gradients_of_the_state_serve_as_others(kind, ragged):
    torch.manual_seed(0)
    cell = kind(5)
    lengths = torch.tensor([4, 0, 2, 4]) if ragged else None

    def gradients(run, kind):
        twin, inputs = copy.deepcopy(cell).to(kind), drawn.to(kind).requires_grad_()
        outputs, state = run(twin, inputs, twin.initial_state(4), lengths)
        loss = (outputs * torch.arange(5)).sum() + (state.hidden**2).sum()
        return torch.autograd.grad(loss, [inputs, *twin.parameters()])

    drawn = torch.randn(4, 4, 5)
    native = gradients(unroll_compiled, torch.float32)
    exact = gradients(unroll_eager, torch.float64)
    for one, two in zip(native, exact, strict=True):
        torch.testing.assert_close(one.double(), two, rtol=1e-4, atol=1e-5)
