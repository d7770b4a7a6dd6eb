"""Generated kernels against the eager definition, in each of the forms they take."""

from typing import NamedTuple

import pytest
import torch
from torch import Tensor, nn

from elman.cells import Cell, ChoGRUCell, ElmanCell, GRUCell, JordanCell, LSTMCell
from elman.engine.eager import unroll_eager
from elman.engine.triton import execute, loop, plan
from elman.engine.triton.unroll import reasons, unroll_triton
from elman.nn import Zoneout
from elman.state import map_state, tensors


class PackedState(NamedTuple):
    both: Tensor
    steps: Tensor
    unread: Tensor


class PackedCell(Cell[PackedState]):
    """A user's cell: one state part that holds two, one number a row, one that is not read.

    It has products in sequence, a sum and a maximum over features, and takes logarithms of what
    lies beyond its features too, if there is anything.
    """

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, 2 * hidden_size)
        self.input_map = nn.Linear(input_size, hidden_size)
        self.gate = nn.Linear(hidden_size + 1, 2 * hidden_size)
        self.back = nn.Parameter(torch.randn(hidden_size, hidden_size) / hidden_size**0.5)
        self.gain = nn.Parameter(torch.rand(2 * hidden_size) + 0.5)
        self.start = nn.Parameter(torch.rand(2 * hidden_size))

    def initial_state(self, batch_size):
        zeros = self.start.new_zeros(batch_size, 2)
        return PackedState(self.start.expand(batch_size, -1), zeros[:, :1], zeros)

    def project(self, inputs):
        return self.input_map(inputs)

    def step(self, projected, state):
        low, high = state.both.chunk(2, dim=-1)
        candidate = (projected + (low.abs() + 0.1).log() @ self.back).tanh()
        gates = self.gain * self.gate(torch.cat([candidate, state.steps], dim=-1))
        share, keep = torch.softmax(gates, dim=-1).chunk(2, dim=-1)
        low = torch.where(candidate < 0, low, share * high.amax(dim=-1, keepdim=True))
        high = torch.maximum(keep.sigmoid() * high, candidate)
        steps = (state.steps + 1).remainder(3)
        both = torch.cat([low, high], dim=-1)
        return both * steps.cos(), PackedState(both, steps, high[:, :1].expand(-1, 2) * 2)


CELLS = {
    "elman": ElmanCell,
    "lstm": LSTMCell,
    "gru": GRUCell,
    "cho-gru": ChoGRUCell,
    "jordan": JordanCell,
    "packed": PackedCell,
}


@pytest.fixture
def form(request, monkeypatch):
    """Make small cells take the form that a larger one would."""
    if request.param != "held":
        monkeypatch.setattr(loop, "_bytes", lambda *_: float("inf"))
    if request.param == "stages":
        monkeypatch.setattr(loop, "READ_AGAIN", -1)
        monkeypatch.setattr(execute, "STAGE_ROWS", 16)  # the interpreter is slow at launching
    plan.inference_plan.cache_clear()
    plan.training_plans.cache_clear()
    yield request.param
    plan.inference_plan.cache_clear()
    plan.training_plans.cache_clear()


every_form = pytest.mark.parametrize("form", ["held", "read again", "stages"], indirect=True)
both_forms = pytest.mark.parametrize("form", ["held", "stages"], indirect=True)


def sample(make, device, *, time=3, batch=3, inputs=3, hidden=5, dtype=torch.float64):
    torch.manual_seed(0)
    cell = make(inputs, hidden).to(device, dtype)
    sequence = torch.randn(time, batch, inputs, device=device, dtype=dtype)
    state = map_state(lambda part: torch.randn_like(part).abs(), cell.initial_state(batch))
    return cell, sequence, state


def results_and_gradients(run, cell, sequence, state, *options):
    leaf = sequence.clone().requires_grad_()
    start = map_state(lambda part: part.clone().requires_grad_(), state)
    results = list(tensors(run(cell, leaf, start, *options)))
    # The shift gives the zeros beyond a length a gradient, which has to be dropped.
    loss = sum((part + 1).cos().sum() for part in results)
    wanted = [leaf, *tensors(start), *cell.parameters()]
    gradients = torch.autograd.grad(loss, wanted, allow_unused=True, materialize_grads=True)
    return [part.detach() for part in [*results, *gradients]]


def assert_same(actual, expected, tolerance=1e-11):
    for left, right in zip(actual, expected, strict=True):
        torch.testing.assert_close(left, right, rtol=tolerance, atol=tolerance)


def assert_equals_eager(arguments, *options, tolerance=1e-11):
    actual = results_and_gradients(unroll_triton, *arguments, *options)
    expected = results_and_gradients(unroll_eager, *arguments, *options)
    assert_same(actual, expected, tolerance)


@every_form
@pytest.mark.parametrize("name", CELLS)
def test_rows_of_several_lengths_that_start_afresh(name, form, device):
    arguments = sample(CELLS[name], device)
    lengths = torch.tensor([3, 0, 2], device=device)
    resets = torch.tensor([[1, 0, 0], [0, 1, 1], [1, 0, 1]], device=device)
    assert_equals_eager(arguments, lengths, resets.bool())


@pytest.mark.parametrize("name", CELLS)
def test_whole_sequences(name, device):
    assert_equals_eager(sample(CELLS[name], device, time=5, batch=2))


@both_forms
def test_lengths_alone_and_resets_alone(form, device):
    arguments = sample(LSTMCell, device)
    assert_equals_eager(arguments, torch.tensor([1, 3, 2], device=device, dtype=torch.int32))
    resets = torch.tensor([[1, 0, 0], [0, 1, 0], [1, 1, 0]], device=device)
    assert_equals_eager(arguments, None, resets.bool())


@both_forms
@pytest.mark.parametrize(("batch", "inputs", "hidden"), [(1, 1, 1), (17, 2, 3), (2, 17, 16)])
def test_odd_sizes(batch, inputs, hidden, form, device):
    sizes = {"batch": batch, "inputs": inputs, "hidden": hidden, "time": 2}
    assert_equals_eager(sample(LSTMCell, device, **sizes))
    assert_equals_eager(sample(JordanCell, device, **sizes))


def test_a_user_cell_of_one_unit(device):
    assert_equals_eager(sample(PackedCell, device, time=2, batch=1, inputs=1, hidden=1))


@every_form
def test_float32(form, device):
    # float32 rounds at 6e-8; the sums here have up to 20 terms over 3 steps.
    arguments = sample(GRUCell, device, dtype=torch.float32)
    assert_equals_eager(arguments, tolerance=1e-5)


def test_a_layer_too_wide_for_the_chip_takes_stages(device):
    cell, sequence, state = sample(ElmanCell, device, time=2, hidden=1000)
    assert_equals_eager((cell, sequence, state), tolerance=1e-9)


@every_form
@pytest.mark.parametrize("name", ["lstm", "packed"])
def test_without_gradients_the_numbers_are_the_same(name, form, device):
    arguments = sample(CELLS[name], device)
    options = torch.tensor([3, 0, 2], device=device), None
    with torch.no_grad():
        expected = list(tensors(unroll_eager(*arguments, *options)))
        assert_same(tensors(unroll_triton(*arguments, *options)), expected)
    with torch.inference_mode():
        assert_same(tensors(unroll_triton(*arguments, *options)), expected)


def test_wrapped_cells_with_masks_for_each_step(device):
    cell, sequence, state = sample(lambda *sizes: Zoneout(GRUCell(*sizes), 0.3), device)
    results = []
    for run in (unroll_triton, unroll_eager):
        torch.manual_seed(1)
        results.append(results_and_gradients(run, cell, sequence, state))
    assert_same(*results)


@both_forms
def test_a_gradient_of_the_final_state_alone(form, device):
    cell, sequence, state = sample(LSTMCell, device)
    gradients = []
    for run in (unroll_triton, unroll_eager):
        _, final = run(cell, sequence, state)
        gradients.append(torch.autograd.grad(final.cell.cos().sum(), list(cell.parameters())))
    assert_same(*gradients)


def test_gradients_of_some_arguments_alone(device):
    cell, sequence, state = sample(ElmanCell, device, time=2)
    for name, _ in list(cell.named_parameters()):
        cell.requires_grad_(False)
        weight = cell.get_parameter(name).requires_grad_()
        gradients = [
            torch.autograd.grad(run(cell, sequence, state)[0].cos().sum(), weight)
            for run in (unroll_triton, unroll_eager)
        ]
        assert_same(*gradients)
    cell.requires_grad_(False)
    assert not unroll_triton(cell, sequence, state)[0].requires_grad


@both_forms
def test_a_linear_step_whose_gradient_is_the_carried_one(form, device):
    """The gradient that weights need is then that of the state after the step."""

    class Linear(Cell[tuple]):
        def __init__(self, input_size, hidden_size):
            super().__init__(input_size, 1)
            self.map = nn.Linear(hidden_size, hidden_size)

        def initial_state(self, batch_size):
            return (self.map.weight.new_zeros(batch_size, self.map.in_features),)

        def project(self, inputs):
            return inputs

        def step(self, projected, state):
            return projected[:, :1], (self.map(state[0]),)

    arguments = sample(Linear, device)
    assert_equals_eager(arguments)
    assert_equals_eager(arguments, torch.tensor([3, 1, 0], device=device))


def test_a_gradient_of_a_gradient(device):
    cell, sequence, state = sample(GRUCell, device)
    options = torch.tensor([3, 1, 2], device=device), torch.rand(3, 3, device=device) < 0.5
    second = []
    for run in (unroll_triton, unroll_eager):
        leaf = sequence.clone().requires_grad_()
        loss = sum((part + 1).cos().sum() for part in tensors(run(cell, leaf, state, *options)))
        (first,) = torch.autograd.grad(loss, leaf, create_graph=True)
        second.append(torch.autograd.grad(first.square().sum(), [leaf, *cell.parameters()]))
    assert_same(*second)


@both_forms
def test_backward_twice_through_one_graph(form, device):
    cell, sequence, state = sample(LSTMCell, device)
    weights = list(cell.parameters())
    loss = unroll_triton(cell, sequence, state)[0].cos().sum()
    first = torch.autograd.grad(loss, weights, retain_graph=True)
    assert all(map(torch.equal, first, torch.autograd.grad(loss, weights)))


@both_forms
def test_not_a_number_goes_through(form, device):
    cell, sequence, state = sample(PackedCell, device)
    sequence[1, 0, 0] = torch.nan
    outputs, _ = unroll_triton(cell, sequence, state)
    expected, _ = unroll_eager(cell, sequence, state)
    assert torch.equal(outputs.isnan(), expected.isnan())
    assert outputs[1, 0].isnan().all()
    assert not outputs[:, 1:].isnan().any()


def test_a_weight_changed_between_forward_and_backward_is_noticed(device):
    cell, sequence, state = sample(LSTMCell, device)
    loss = unroll_triton(cell, sequence, state)[0].sum()
    with torch.no_grad():
        cell.recurrent_map.weight.mul_(2)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


def test_reasons(monkeypatch, device):
    cell, sequence, _ = sample(LSTMCell, device)
    assert reasons(cell, sequence) is None
    assert "torch.float16" in reasons(cell, sequence.half())
    assert reasons(cell, sequence[:, :0]) == "there is nothing to compute"
    monkeypatch.setattr("elman.engine.triton.unroll.can_launch", lambda _: False)
    assert reasons(cell, sequence) == "Triton kernels run on a GPU"
    monkeypatch.setattr("elman.engine.triton.unroll.is_installed", lambda: False)
    assert "elman[gpu]" in reasons(cell, sequence)


def test_reasons_name_what_cannot_be_traced(device):
    class Sorting(ElmanCell):
        def step(self, projected, state):
            output, state = super().step(projected, state)
            return output.sort(dim=-1).values, state

    cell, sequence, _ = sample(Sorting, device)
    assert "sort" in reasons(cell, sequence)
