"""Products of the inputs that are taken apart by clocks."""

import pytest
import torch
from torch import nn

from elman.cells import Cell, ClockworkCell, ElmanCell, LSTMCell
from elman.engine import unroll_eager
from elman.engine.compiled import unroll_compiled
from elman.engine.compiler.program import Source
from elman.engine.compiler.schedule import schedule
from elman.engine.programs import compiled


class Sometimes(Cell):
    """Units that all change at every other step."""

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, output_size=hidden_size)
        self.input_map = nn.Linear(input_size, hidden_size)

    def initial_state(self, batch_size):
        weight = self.input_map.weight
        return weight.new_zeros(batch_size, self.output_size), weight.new_zeros(batch_size, 1)

    def project(self, inputs):
        return self.input_map(inputs)

    def step(self, projected, state):
        hidden, clock = state
        hidden = torch.where(clock < 0.5, projected.tanh(), hidden)
        return hidden, (hidden, 1 - clock)


class Halves(Sometimes):
    """Units of which one half changes at every other step, the other half at those between."""

    def first(self, projected, half):
        return projected[:, :half].tanh()

    def step(self, projected, state):
        hidden, clock = state
        half = self.output_size // 2
        first = torch.where(clock < 0.5, self.first(projected, half), hidden[:, :half])
        second = torch.where(clock > 0.5, projected[:, half:].tanh(), hidden[:, half:])
        new = torch.cat([first, second], dim=1)
        return new, (new, 1 - clock)


class Overlapping(Halves):
    """Halves of which one reads features that come twice."""

    def first(self, projected, half):
        return projected[:, :half].tanh() * projected[:, 1 : half + 1]


class Summing(Halves):
    """Halves of which one reads the features of both."""

    def first(self, projected, half):
        return projected[:, :half].tanh() * projected.square().sum(dim=1, keepdim=True)


def products(cell):
    """Returns the widths of the products of the inputs, and of those done beforehand."""
    inputs = torch.randn(2, 3, cell.input_size)
    program = compiled(cell, inputs, cell.initial_state(3)).traced.program
    found = [
        node.width
        for node in program.nodes()
        if node.op == "product" and node.operands[0].attribute == Source("input", 0)
    ]
    hoisted = schedule(program, backward=False, ragged=False, hoist=True).hoisted
    return found, [product.width for product in hoisted]


def check_gradients(cell, time=7, batch=4):
    """Compares outputs and all gradients with the plain loop in float64."""
    inputs = torch.randn(time, batch, cell.input_size)
    upstream = torch.randn(time, batch, cell.output_size)
    found = []
    for kind, run in ((torch.float32, unroll_compiled), (torch.float64, unroll_eager)):
        cell = cell.to(kind)
        given = inputs.to(kind).requires_grad_()
        outputs, _ = run(cell, given, cell.initial_state(batch))
        leaves = [given, *cell.parameters()]
        found.append([outputs, *torch.autograd.grad(outputs, leaves, upstream.to(kind))])
    for ours, exact in zip(*found, strict=True):
        torch.testing.assert_close(ours.double(), exact, rtol=1e-4, atol=1e-5)


def test_each_group_of_a_clockwork_network_has_a_product_of_its_own():
    cell = ClockworkCell(20, 12, periods=(1, 2, 4))
    assert products(cell) == ([4, 4, 4], [4])  # the group that changes at every step beforehand
    check_gradients(cell)


@pytest.mark.parametrize(("inputs", "units"), [(3, 10), (20, 10), (20, 2)])
def test_halves_with_clocks_of_their_own_have_products_of_their_own(inputs, units):
    cell = Halves(inputs, units)
    assert products(cell) == ([units // 2] * 2, [])
    check_gradients(cell)


@pytest.mark.parametrize(
    ("cell", "widths"),
    [
        (LSTMCell(20, 12), [48]),
        (ElmanCell(20, 12), [12]),
        (Sometimes(20, 12), [12]),  # one condition for all
        (Overlapping(20, 12), [12]),
        (Summing(20, 12), [12]),
    ],
)
def test_other_products_stay_whole(cell, widths):
    assert products(cell) == (widths, widths)
    check_gradients(cell)
