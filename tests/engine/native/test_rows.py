"""Steps whose results are reductions, or gradients that lie in several places."""

from typing import NamedTuple

import pytest
import torch
from torch import Tensor, nn

from elman.cells import Cell
from elman.engine import unroll_compiled, unroll_eager
from elman.state import map_state, tensors


class Pair(NamedTuple):
    row: Tensor
    number: Tensor


class OneNumber(Cell[Pair]):
    """A cell with a row and one number a row in its state."""

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.map = nn.Linear(input_size, hidden_size)
        self.back = nn.Linear(hidden_size, hidden_size, bias=False)

    def initial_state(self, batch_size):
        zeros = self.map.weight.new_zeros(batch_size, self.output_size)
        return Pair(zeros + 0.1, zeros[:, :1])

    def project(self, inputs):
        return self.map(inputs)


class Total(OneNumber):
    """The number is a sum, and nothing but that."""

    def step(self, projected, state):
        row = (projected + self.back(state.row) + state.number).tanh()
        return row, Pair(row, (row * row).sum(-1, keepdim=True))


class Largest(OneNumber):
    """The output is one number, repeated."""

    def step(self, projected, state):
        row = (projected + self.back(state.row)).tanh()
        return row.amax(-1, keepdim=True).expand(-1, self.output_size), Pair(row, state.number)


class Counted(OneNumber):
    """The gradient of the row is that of its projection: one value with two places."""

    def step(self, projected, state):
        row = projected + state.row
        return row.tanh(), Pair(row, state.number + 1)


class Standardised(OneNumber):
    """A row divided by its own deviation, which later parts of the step read again."""

    def step(self, projected, state):
        row = projected + self.back(state.row)
        centred = row - row.mean(-1, keepdim=True)
        scaled = centred / (centred.square().mean(-1, keepdim=True) + 0.1).sqrt()
        after = self.back(scaled.exp()) + scaled * projected.sigmoid()
        return after, Pair(after.softmax(-1), centred.sum(-1, keepdim=True) + after[:, :1])


def results(run, cell, inputs, lengths=None):
    inputs = inputs.detach().clone().requires_grad_()
    state = map_state(lambda part: part.requires_grad_(), cell.initial_state(inputs.shape[1]))
    outputs, final = run(cell, inputs, state, lengths)
    loss = outputs.sin().sum() + sum(part.sigmoid().sum() for part in tensors(final))
    leaves = [inputs, *tensors(state), *cell.parameters()]
    gradients = torch.autograd.grad(loss, leaves, allow_unused=True, materialize_grads=True)
    return [outputs.detach(), *(part.detach() for part in tensors(final)), *gradients]


@pytest.mark.parametrize("ragged", [False, True], ids=["whole", "ragged"])
@pytest.mark.parametrize("size", [1, 3, 19, 40])
@pytest.mark.parametrize("kind", [Total, Largest, Counted, Standardised])
def test_results_are_those_of_the_definition(kind, size, ragged):
    torch.manual_seed(size)
    cell = kind(5, size)
    inputs = torch.randn(6, 4, 5)
    lengths = torch.tensor([6, 1, 4, 0]) if ragged else None
    found = results(unroll_compiled, cell, inputs, lengths)
    expected = results(unroll_eager, cell.double(), inputs.double(), lengths)
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one.double(), other, rtol=2e-4, atol=2e-5)
