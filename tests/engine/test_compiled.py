"""Native code against the eager definition in float64, for every shipped cell and odd ones."""

import copy
import gc
import threading
import weakref
from typing import NamedTuple

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from elman.cells import CELLS, Cell, ElmanCell, GRUCell, LSTMCell
from elman.engine import choose, unroll, unroll_compiled, unroll_eager
from elman.nn import HiddenDropout, Zoneout
from elman.state import map_state, tensors


class OneState(NamedTuple):
    hidden: Tensor


class TwoStates(NamedTuple):
    first: Tensor
    second: Tensor


class DeepTransition(Cell[TwoStates]):
    """Products in sequence, one of them with the new state, a gain of one number, two norms."""

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.inner = nn.Linear(input_size + hidden_size, hidden_size)
        self.outer = nn.Linear(hidden_size, 2 * hidden_size, bias=False)
        self.norm = nn.LayerNorm(2 * hidden_size)
        self.gain = nn.Parameter(torch.tensor(0.7))

    def initial_state(self, batch_size):
        zeros = self.gain.new_zeros(batch_size, self.output_size)
        return TwoStates(zeros + 0.3, zeros)

    def project(self, inputs):
        return inputs.sin()

    def step(self, projected, state):
        low = self.inner(torch.cat([projected, state.first], dim=-1)).tanh()
        gate, high = self.norm(self.outer(low)).chunk(2, dim=-1)
        first = gate.sigmoid() * state.first + self.gain * high
        second = F.softplus(low) * state.second.abs().sqrt() + first.mean(-1, keepdim=True)
        return torch.cat([high[:, :1], first[:, 1:]], dim=-1), TwoStates(first, second.clamp(-3, 3))


class Ticking(Cell[TwoStates]):
    """A clock in the state, one number a row, and an output wider than the state."""

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, 2 * hidden_size)
        self.size = hidden_size
        self.map = nn.Linear(input_size, hidden_size)
        self.weight = nn.Parameter(torch.randn(hidden_size, hidden_size) / hidden_size**0.5)

    def initial_state(self, batch_size):
        return TwoStates(
            self.weight.new_zeros(batch_size, self.size), self.weight.new_zeros(batch_size, 1)
        )

    def project(self, inputs):
        return self.map(inputs)

    def step(self, projected, state):
        ticks = state.second.remainder(3) == 0
        new = torch.where(ticks, (projected + state.first @ self.weight).relu(), state.first)
        output = torch.cat([new, F.softmax(new, dim=-1) * new.amax(-1, keepdim=True)], dim=-1)
        return output, TwoStates(new, state.second + 1)


FACTORIES = {**CELLS, "deep-transition": DeepTransition, "ticking": Ticking}


def problem(cell, time, batch, seed=0):
    generator = torch.Generator().manual_seed(seed)
    inputs = torch.randn(time, batch, cell.input_size, generator=generator)
    state = map_state(
        lambda part: part + 0.5 * torch.randn(part.shape, generator=generator),
        cell.initial_state(batch),
    )
    if type(cell).__name__ in ("Ticking", "ClockworkCell"):
        state = cell.initial_state(batch)
    return inputs, state


def results(run, cell, inputs, state, lengths=None, resets=None):
    """Outputs, final state and every gradient."""
    inputs = inputs.detach().clone().requires_grad_()
    state = map_state(lambda part: part.detach().clone().requires_grad_(), state)
    cell.zero_grad()
    outputs, final = run(cell, inputs, state, lengths, resets)
    loss = (outputs * torch.linspace(-1, 1, outputs.shape[-1]).to(outputs)).sin().sum()
    for number, part in enumerate(tensors(final)):
        loss = loss + (part * (number + 0.5)).sigmoid().sum()
    weights = [weight for weight in cell.parameters() if weight.requires_grad]
    leaves = [inputs, *tensors(state), *weights]
    gradients = torch.autograd.grad(loss, leaves, allow_unused=True)
    zeros = (torch.zeros_like(leaf) for leaf in leaves)
    filled = [z if g is None else g for g, z in zip(gradients, zeros, strict=True)]
    return [outputs.detach(), *(part.detach() for part in tensors(final)), *filled]


def assert_as_exact(cell, inputs, state, lengths=None, resets=None):
    """Native float32 lies as near to float64 as eager float32 does, give or take."""
    double = copy.deepcopy(cell).double()
    exact = results(
        unroll_eager,
        double,
        inputs.double(),
        map_state(Tensor.double, state),
        lengths,
        resets,
    )
    eager = results(unroll_eager, cell, inputs, state, lengths, resets)
    native = results(unroll_compiled, cell, inputs, state, lengths, resets)
    assert len(native) == len(exact)
    for one, two, three in zip(native, exact, eager, strict=True):
        assert one.shape == two.shape
        scale = two.abs().max().item() + 1e-2
        error = (one - two).abs().max().item() / scale
        allowed = 2e-5 + 5 * (three - two).abs().max().item() / scale
        assert error < allowed, (error, allowed)


@pytest.mark.parametrize("name", FACTORIES)
@pytest.mark.parametrize(
    ("time", "batch", "inputs", "hidden"),
    [(1, 1, 1, 1), (4, 5, 2, 3), (3, 9, 17, 19), (6, 2, 33, 64)],
)
def test_every_cell(name, time, batch, inputs, hidden):
    torch.manual_seed(1)
    cell = FACTORIES[name](inputs, hidden)
    assert_as_exact(cell, *problem(cell, time, batch))


@pytest.mark.parametrize("name", FACTORIES)
def test_lengths_and_resets(name):
    torch.manual_seed(2)
    cell = FACTORIES[name](3, 5)
    lengths = torch.tensor([4, 0, 6, 1, 3])
    resets = torch.rand(6, 5) < 0.4
    arguments = problem(cell, 6, 5)
    assert_as_exact(cell, *arguments, lengths)
    assert_as_exact(cell, *arguments, None, resets)
    assert_as_exact(cell, *arguments, lengths, resets)


@pytest.mark.parametrize("make", [Zoneout, HiddenDropout])
def test_masks_ride_in_the_projection(make):
    cell = make(LSTMCell(4, 6), 0.4)
    inputs, state = problem(cell, 5, 3)
    assert choose(cell, inputs, state).backend == "compiled"
    found = []
    for run in (unroll_eager, unroll_compiled, unroll_compiled):
        torch.manual_seed(7)
        found.append(results(run, cell, inputs, state))
    for one, two, three in zip(*found, strict=True):
        torch.testing.assert_close(one, two, rtol=1e-4, atol=1e-5)
        assert torch.equal(two, three)


def test_second_derivatives():
    cell = LSTMCell(3, 4)
    inputs, state = problem(cell, 4, 2)
    found = []
    for run in (unroll_eager, unroll_compiled):
        leaf = inputs.clone().requires_grad_()
        first = torch.autograd.grad(
            run(cell, leaf, state)[0].sin().sum(), [leaf, *cell.parameters()], create_graph=True
        )
        penalty = sum(part.square().sum() for part in first)
        found.append(torch.autograd.grad(penalty, [leaf, *cell.parameters()]))
    for one, two in zip(*found, strict=True):
        torch.testing.assert_close(two, one, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("batched", [False, True])
def test_a_state_may_depend_on_the_same_weights(batched):
    """Where the definition differentiates, it must stop at the sequence it is for."""
    cell = LSTMCell(3, 4)
    inputs, state = problem(cell, 5, 2)
    found = []
    for run in (unroll_eager, unroll_compiled):
        _, middle = run(cell, inputs[:2], state)
        loss = run(cell, inputs[2:], middle)[0].sin().sum()
        found.append(
            torch.autograd.grad(
                loss,
                list(cell.parameters()),
                torch.ones(1) if batched else None,
                create_graph=not batched,
                is_grads_batched=batched,
            )
        )
    for one, two in zip(*found, strict=True):
        torch.testing.assert_close(two, one, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["lstm", "gru", "deep-transition"])
@pytest.mark.parametrize("batch", [1, 3, 8])
def test_threads_change_nothing_but_rounding(name, batch):
    cell = FACTORIES[name](20, 200)
    arguments = problem(cell, 3, batch)
    found = []
    for threads in (1, 2):
        torch.set_num_threads(threads)
        try:
            found.append(results(unroll_compiled, cell, *arguments))
        finally:
            torch.set_num_threads(1)
    # Small products may be torch.mm's, whose sums depend on the threads.
    for one, two in zip(*found, strict=True):
        torch.testing.assert_close(one, two, rtol=1e-4, atol=1e-5)


def test_without_gradients():
    for factory in FACTORIES.values():
        cell = factory(5, 6)
        inputs, state = problem(cell, 7, 3)
        with torch.no_grad():
            native = unroll_compiled(cell, inputs, state)
            eager = unroll_eager(cell, inputs, state)
        for one, two in zip(tensors(native), tensors(eager), strict=True):
            torch.testing.assert_close(one, two, rtol=1e-4, atol=1e-5)


def test_strided_and_expanded_inputs():
    cell = GRUCell(4, 6)
    inputs, state = problem(cell, 5, 3)
    for given in (
        inputs.transpose(0, 1).contiguous().transpose(0, 1),
        inputs[:, :, :1].expand(5, 3, 4),
        inputs[:1].expand(5, 3, 4),
    ):
        native, eager = unroll_compiled(cell, given, state), unroll_eager(cell, given, state)
        torch.testing.assert_close(native[0], eager[0], rtol=1e-4, atol=1e-5)


def test_changed_outputs_are_noticed():
    cell = ElmanCell(2, 3)
    outputs, _ = unroll_compiled(cell, *problem(cell, 4, 2))
    outputs.detach().mul_(2)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        outputs.sum().backward()


def test_many_graphs_live_at_once():
    cell = LSTMCell(3, 4)
    problems = [problem(cell, 5, 2, seed) for seed in range(4)]
    losses = [unroll_compiled(cell, *each)[0].square().sum() for each in problems]
    together = [torch.autograd.grad(loss, list(cell.parameters())) for loss in reversed(losses)]
    for each, gradients in zip(reversed(problems), together, strict=True):
        alone = unroll_compiled(cell, *each)[0].square().sum()
        for one, two in zip(
            torch.autograd.grad(alone, list(cell.parameters())), gradients, strict=True
        ):
            assert torch.equal(one, two)


def test_backward_twice_through_one_graph():
    cell = LSTMCell(3, 4)
    loss = unroll_compiled(cell, *problem(cell, 5, 2))[0].square().sum()
    first = torch.autograd.grad(loss, list(cell.parameters()), retain_graph=True)
    second = torch.autograd.grad(loss, list(cell.parameters()))
    assert all(torch.equal(one, two) for one, two in zip(first, second, strict=True))


def test_graph_is_freed_without_the_collector():
    cell = LSTMCell(3, 4)
    gc.disable()
    try:
        outputs, _ = unroll_compiled(cell, *problem(cell, 5, 2))
        kept = weakref.ref(outputs.grad_fn)
        del outputs, _
        assert kept() is None
    finally:
        gc.enable()


def test_a_cell_without_a_program_is_freed():
    class Branching(ElmanCell):
        def step(self, projected, state):
            return super().step(projected if projected.sum() > 0 else -projected, state)

    cell = Branching(2, 3)
    inputs, state = problem(cell, 4, 2)
    for _ in range(2):
        assert choose(cell, inputs, state).backend == "eager"
    kept = weakref.ref(cell)
    del cell
    gc.collect()
    assert kept() is None


def test_changed_cell_is_traced_again():
    cell = ElmanCell(2, 3)
    arguments = problem(cell, 4, 2)
    before = unroll_compiled(cell, *arguments)[0]
    cell.nonlinearity = "relu"
    after = unroll_compiled(cell, *arguments)[0]
    torch.testing.assert_close(after, unroll_eager(cell, *arguments)[0])
    assert not torch.allclose(before, after)
    with torch.no_grad():
        next(cell.parameters()).mul_(2)
    torch.testing.assert_close(
        unroll_compiled(cell, *arguments)[0], unroll_eager(cell, *arguments)[0]
    )


def test_two_threads_share_a_module():
    cell = LSTMCell(8, 40)
    arguments = problem(cell, 30, 6)
    expected = results(unroll_compiled, copy.deepcopy(cell), *arguments)[0]
    wrong = []

    def work():
        for _ in range(20):
            if not torch.equal(unroll_compiled(cell, *arguments)[0].detach(), expected):
                wrong.append(True)

    workers = [threading.Thread(target=work) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert not wrong


def test_nan_passes_through():
    cell = LSTMCell(2, 3)
    inputs, state = problem(cell, 4, 2)
    inputs[1, 0, 0] = float("nan")
    native, _ = unroll_compiled(cell, inputs, state)
    assert native[1:, 0].isnan().all()
    assert not native[:, 1].isnan().any()
    assert not native[0].isnan().any()


def test_unroll_reverses():
    cell = LSTMCell(2, 3)
    inputs, state = problem(cell, 4, 2)
    outputs, final = unroll(cell, inputs, state, reverse=True)
    expected, end = unroll_eager(cell, inputs.flip(0), state)
    torch.testing.assert_close(outputs, expected.flip(0))
    torch.testing.assert_close(final.hidden, end.hidden)
