"""Chunks that are run again give the numbers of a run that keeps everything."""

import gc

import pytest
import torch

from elman.cells import Cell, ClockworkCell, GRUCell, LRUCell, LSTMCell
from elman.engine import unroll
from elman.engine.native import workspace
from elman.nn import RNN, Dropout, HiddenDropout, LayerNorm, VariationalDropout, Zoneout
from elman.state import map_state, tensors

TIME, BATCH = 11, 3
LENGTHS = torch.tensor([3, 11, 0])
RESETS = torch.arange(TIME * BATCH).view(TIME, BATCH) % 4 == 1


class Noisy(Cell[tuple[torch.Tensor]]):
    """A cell that draws noise in each step, which only the plain loop can run."""

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.map = torch.nn.Linear(input_size + hidden_size, hidden_size)

    def initial_state(self, batch_size):
        return (self.map.weight.new_zeros(batch_size, self.output_size),)

    def project(self, inputs):
        return inputs

    def step(self, projected, state):
        noise = torch.rand_like(state[0])
        hidden = self.map(torch.cat([projected, noise * state[0]], dim=-1)).tanh()
        return hidden, (hidden,)


CELLS = {
    "lstm": lambda: LSTMCell(3, 4),
    "fused": lambda: GRUCell(3, 4).double(),
    "clockwork": lambda: LayerNorm(ClockworkCell(3, 4)),
    "lru": lambda: LRUCell(3, 4),
    "zoneout": lambda: Zoneout(LSTMCell(3, 4), 0.3),
    "masks": lambda: VariationalDropout(HiddenDropout(LSTMCell(3, 4), 0.4), 0.3),
    "dropout": lambda: Dropout(GRUCell(3, 4), 0.3),
    "noisy": lambda: Noisy(3, 4),
}
OPTIONS = {
    "all": {},
    "ragged": {"lengths": LENGTHS, "resets": RESETS},
    "reverse": {"lengths": LENGTHS, "resets": RESETS, "reverse": True},
}


def problem(cell):
    """Inputs and a state for a cell, in its type."""
    torch.manual_seed(0)
    weight = next(cell.parameters())
    state = cell.initial_state(BATCH)
    if not any(isinstance(part, ClockworkCell) for part in cell.modules()):
        state = map_state(torch.randn_like, state)
    return torch.randn(TIME, BATCH, 3).to(weight), state


def results(cell, inputs, state, **options):
    """Outputs, final state and all gradients."""
    torch.manual_seed(5)
    inputs = inputs.clone().requires_grad_()
    state = map_state(lambda part: part.clone().requires_grad_(), state)
    outputs, final = unroll(cell, inputs, state, **options)
    loss = outputs.sin().sum()
    for number, part in enumerate(tensors(final)):
        loss = loss + (part * (number + 0.5)).sigmoid().sum()
    leaves = [inputs, *tensors(state), *cell.parameters()]
    found = torch.autograd.grad(loss, leaves, allow_unused=True, materialize_grads=True)
    return [outputs.detach(), *(part.detach() for part in tensors(final))], found


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
@pytest.mark.parametrize("name", CELLS)
def test_chunks_change_no_number(name, options):
    torch.manual_seed(1)
    cell = CELLS[name]()
    arguments = problem(cell)
    expected, expected_gradients = results(cell, *arguments, **options)
    for every in (1, 4, 11, 20):
        found, gradients = results(cell, *arguments, checkpoint_every=every, **options)
        for one, two in zip(found, expected, strict=True):
            torch.testing.assert_close(one, two, rtol=1e-6, atol=1e-6)
        for one, two in zip(gradients, expected_gradients, strict=True):
            torch.testing.assert_close(one, two, rtol=1e-5, atol=1e-5)


def test_activations_of_whole_sequences_are_not_kept():
    lent = []
    for every in (None, 100):
        gc.collect()
        workspace._shared._collect()
        before = workspace._shared.lent
        outputs, _ = unroll(LSTMCell(3, 64), torch.randn(1000, 4, 3), checkpoint_every=every)
        workspace._shared._collect()
        lent.append(workspace._shared.lent - before)
        assert outputs.requires_grad
        del outputs
    # Kept: the gates' products and two states of each step; a chunk's at most with checkpoints.
    assert lent[0] >= 1000 * 4 * 64 * 6
    assert lent[1] <= 100 * 4 * 64 * 6 + 2 * 1000 * 4 * 64


def test_second_derivatives_go_through_chunks():
    cell, inputs = LSTMCell(3, 4), torch.randn(5, 2, 3, requires_grad=True)
    found = []
    for every in (None, 2):
        outputs, _ = unroll(cell, inputs, checkpoint_every=every)
        (first,) = torch.autograd.grad(outputs.sin().sum(), inputs, create_graph=True)
        found.append(torch.autograd.grad(first.square().sum(), [inputs, *cell.parameters()]))
    for one, two in zip(*found, strict=True):
        torch.testing.assert_close(one, two, rtol=1e-4, atol=1e-5)


def test_transforms_and_inference_know_no_chunks():
    cell, inputs = GRUCell(3, 4), torch.randn(5, 2, 3)

    def loss(inputs, every):
        return unroll(cell, inputs, checkpoint_every=every)[0].sin().sum()

    by_transform = torch.func.grad(loss)(inputs, 2)
    torch.testing.assert_close(by_transform, torch.func.grad(loss)(inputs, None))
    with torch.no_grad():
        assert torch.equal(loss(inputs, 2), loss(inputs, None))


def test_stacks_pass_it_on():
    torch.manual_seed(0)
    kept = RNN(GRUCell(3, 4), num_layers=2, bidirectional=True, dropout=0.5)
    chunked = RNN(GRUCell(3, 4), num_layers=2, bidirectional=True, dropout=0.5, checkpoint_every=3)
    chunked.load_state_dict(kept.state_dict())
    inputs, found = torch.randn(TIME, BATCH, 3), []
    for rnn in (kept, chunked):
        torch.manual_seed(2)
        outputs, _ = rnn(inputs, lengths=LENGTHS)
        found.append((outputs, *torch.autograd.grad(outputs.cos().sum(), rnn.parameters())))
    for one, two in zip(*found, strict=True):
        torch.testing.assert_close(one, two, rtol=1e-5, atol=1e-5)


def test_a_compiled_stack_may_have_chunks():
    torch._dynamo.reset()
    rnn, inputs = RNN(GRUCell(3, 4), checkpoint_every=3), torch.randn(7, 2, 3)
    found = []
    for run in (rnn, torch.compile(rnn, backend="aot_eager", fullgraph=True)):
        outputs, _ = run(inputs)
        found.append((outputs, *torch.autograd.grad(outputs.cos().sum(), rnn.parameters())))
    for one, two in zip(*found, strict=True):
        torch.testing.assert_close(one, two, rtol=1e-5, atol=1e-5)


def test_a_chunk_has_a_step():
    with pytest.raises(ValueError, match="checkpoint_every must be at least 1, got 0"):
        unroll(LSTMCell(2, 3), torch.zeros(4, 1, 2), checkpoint_every=0)
    with pytest.raises(ValueError, match="checkpoint_every must be at least 1, got -3"):
        RNN(LSTMCell(2, 3), checkpoint_every=-3)
