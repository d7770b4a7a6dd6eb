"""Outputs and all gradients for each vector width, both thread splits, and sizes that fit none.

The width is fixed when a process compiles its first cell, so each runs this file as a script.
"""

import copy
from typing import NamedTuple

import pytest
import torch
from torch import Tensor, nn

from elman.cells import Cell, GRUCell, LayerNormLSTMCell, LSTMCell, PeepholeLSTMCell
from elman.engine import unroll_compiled, unroll_eager
from elman.engine.native import code
from elman.engine.native.target import host
from elman.state import map_state, tensors
from engine.narrower import numbers_printed


class TwoParts(NamedTuple):
    first: Tensor
    second: Tensor


class Own(Cell[TwoParts]):
    """A user's cell: two products in a row, a sum over the features, an output of its own."""

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.inner = nn.Linear(input_size + hidden_size, hidden_size)
        self.outer = nn.Linear(hidden_size, 2 * hidden_size, bias=False)

    def initial_state(self, batch_size):
        zeros = self.outer.weight.new_zeros(batch_size, self.output_size)
        return TwoParts(zeros + 0.3, zeros)

    def project(self, inputs):
        return inputs

    def step(self, projected, state):
        low = self.inner(torch.cat([projected, state.first], dim=-1)).tanh()
        gate, high = self.outer(low).chunk(2, dim=-1)
        first = gate.sigmoid() * state.first + high.softmax(dim=-1)
        second = low.exp() * state.second + first.mean(-1, keepdim=True)
        return first - second, TwoParts(first, second.clamp(-2, 2))


# Below a vector, with a tail, of several panels.
CASES = [
    *((LSTMCell, size) for size in (1, 3, 63, 130)),
    *((GRUCell, size) for size in (3, 130)),
    (LayerNormLSTMCell, 63),
    (PeepholeLSTMCell, 3),
    *((Own, size) for size in (1, 63)),
]
TIME, INPUTS = 3, 5
LANES = {"AVX-512": "16", "AVX2": "8", "SSE": "4"}


def results(run, cell, inputs, state):
    """Outputs, final state and all gradients."""
    inputs = inputs.clone().requires_grad_()
    state = map_state(lambda part: part.clone().requires_grad_(), state)
    outputs, final = run(cell, inputs, state)
    loss = (outputs + 0.3).sin().sum()
    for number, part in enumerate(tensors(final)):
        loss = loss + (part * (number + 0.5)).sigmoid().sum()
    found = torch.autograd.grad(loss, [inputs, *tensors(state), *cell.parameters()])
    return [outputs.detach(), *(part.detach() for part in tensors(final)), *found]


def check(kind, size):
    """Compare native code with eager float64 for one cell and size."""
    torch.manual_seed(size)
    cell = kind(INPUTS, size)
    double = copy.deepcopy(cell).double()
    for batch in (3, 13):  # two threads share out the features of 3 rows, and 13 rows
        inputs = torch.randn(TIME, batch, INPUTS)
        state = map_state(
            lambda part: part + 0.5 * torch.randn_like(part), cell.initial_state(batch)
        )
        exact = results(unroll_eager, double, inputs.double(), map_state(Tensor.double, state))
        for threads in (1, 2):
            torch.set_num_threads(threads)
            for one, two in zip(results(unroll_compiled, cell, inputs, state), exact, strict=True):
                scale = two.abs().max().item() + 1e-2
                error = (one - two).abs().max().item() / scale
                assert error < 2e-5, (kind.__name__, size, batch, threads, error)


@pytest.mark.parametrize("lanes", LANES.values(), ids=LANES)
def test_every_width_is_as_exact(lanes):
    used, checked = numbers_printed(__file__, lanes)
    assert used <= int(lanes)
    assert checked == len(CASES)


if __name__ == "__main__":
    code.THREAD_WORK = code.SHARED_WORK = 0  # also small cells go to two threads
    for case in CASES:
        check(*case)
    print(host().lanes, len(CASES))
