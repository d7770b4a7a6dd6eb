"""The fused kernels differ from the eager definition in speed alone."""

import threading

import pytest
import torch
from torch.autograd import forward_ad

from elman.cells import ElmanCell, GRUCell, IRNNCell, LSTMCell
from elman.engine import FUSED_CELLS, choose, unroll, unroll_eager, unroll_fused
from elman.state import map_state, tensors

CELLS = {
    "lstm": LSTMCell,
    "gru": GRUCell,
    "elman": ElmanCell,
    "relu": lambda *sizes: ElmanCell(*sizes, nonlinearity="relu"),
    "irnn": IRNNCell,
}
# Largest difference from the definition, absolute and relative. The kernels sum the products in
# another order; float32 rounds at 6e-8 and the sums here have up to 63 terms over 5 steps.
TOLERANCE = {torch.float32: 2e-5, torch.float64: 1e-12}


def sample(make, *, time=5, batch=3, input_size=3, hidden=4, dtype=torch.float64):
    torch.manual_seed(0)
    cell = make(input_size, hidden).to(dtype)
    inputs = torch.randn(time, batch, input_size, dtype=dtype)
    state = map_state(torch.randn_like, cell.initial_state(batch))
    return cell, inputs, state


def results_and_gradients(run, cell, inputs, state, *options):
    leaf = inputs.clone().requires_grad_()
    start = map_state(lambda part: part.clone().requires_grad_(), state)
    results = list(tensors(run(cell, leaf, start, *options)))
    # The shift gives the zeros beyond a length a gradient, which has to be dropped.
    loss = sum((part + 1).cos().sum() for part in results)
    wanted = [leaf, *tensors(start), *cell.parameters()]
    return [*results, *torch.autograd.grad(loss, wanted)]


def assert_same(actual, expected, tolerance=1e-12):
    for left, right in zip(actual, expected, strict=True):
        torch.testing.assert_close(left, right, rtol=tolerance, atol=tolerance)


def test_every_fused_class_is_tested():
    assert {type(make(1, 1)) for make in CELLS.values()} == set(FUSED_CELLS)


@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
@pytest.mark.parametrize("hidden", [1, 3, 63])
@pytest.mark.parametrize("name", CELLS)
def test_fused_equals_eager_at_odd_sizes(name, hidden, dtype):
    for time, batch, input_size in ((1, 1, 1), (5, 3, 3), (3, 2, 63)):
        sizes = {"time": time, "batch": batch, "input_size": input_size}
        arguments = sample(CELLS[name], hidden=hidden, dtype=dtype, **sizes)
        actual = results_and_gradients(unroll_fused, *arguments)
        expected = results_and_gradients(unroll_eager, *arguments)
        assert_same(actual, expected, TOLERANCE[dtype])


@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
@pytest.mark.parametrize("name", CELLS)
def test_fused_equals_eager_with_lengths(name, dtype):
    arguments = sample(CELLS[name], dtype=dtype)
    for lengths in ([1, 5, 3], [2, 2, 2], [4, 1, 1]):
        actual = results_and_gradients(unroll_fused, *arguments, torch.tensor(lengths))
        expected = results_and_gradients(unroll_eager, *arguments, torch.tensor(lengths))
        assert_same(actual, expected, TOLERANCE[dtype])


@pytest.mark.parametrize("name", CELLS)
def test_without_gradients_the_numbers_are_the_same(name):
    arguments = sample(CELLS[name])
    with torch.no_grad():
        actual = tensors(unroll_fused(*arguments))
        expected = list(tensors(unroll_eager(*arguments)))
        assert_same(actual, expected)
    with torch.inference_mode():
        assert_same(tensors(unroll_fused(*arguments)), expected)


@pytest.mark.parametrize("name", CELLS)
def test_backward_twice_through_one_graph(name):
    cell, inputs, state = sample(CELLS[name])
    weights = list(cell.parameters())
    loss = unroll_fused(cell, inputs, state)[0].cos().sum()
    first = torch.autograd.grad(loss, weights, retain_graph=True)
    second = torch.autograd.grad(loss, weights)
    assert all(map(torch.equal, first, second))


@pytest.mark.parametrize("name", CELLS)
def test_gradients_of_some_arguments_alone(name):
    cell, inputs, state = sample(CELLS[name])
    names = [name for name, _ in cell.named_parameters()]
    for learnt in names:
        for parameter in cell.parameters():
            parameter.requires_grad_(False)
        weight = cell.get_parameter(learnt).requires_grad_()
        actual, expected = (
            torch.autograd.grad(run(cell, inputs, state)[0].cos().sum(), weight)
            for run in (unroll_fused, unroll_eager)
        )
        assert_same(actual, expected)
    cell.requires_grad_(False)
    assert not unroll_fused(cell, inputs, state)[0].requires_grad
    first = next(tensors(state)).requires_grad_()
    actual, expected = (
        torch.autograd.grad(sum(part.sum() for part in tensors(run(cell, inputs, state))), first)
        for run in (unroll_fused, unroll_eager)
    )
    assert_same(actual, expected)


@pytest.mark.parametrize("name", CELLS)
def test_gradient_of_the_final_state_alone(name):
    arguments = sample(CELLS[name])
    grads = []
    for run in (unroll_fused, unroll_eager):
        _, final = run(*arguments)
        loss = next(tensors(final)).cos().sum()
        grads.append(torch.autograd.grad(loss, list(arguments[0].parameters())))
    assert_same(*grads)


@pytest.mark.parametrize("name", CELLS)
def test_gradient_of_a_gradient(name):
    cell, inputs, state = sample(CELLS[name])
    lengths = torch.tensor([5, 1, 3])
    second = []
    for run in (unroll_fused, unroll_eager):
        leaf = inputs.clone().requires_grad_()
        results = tensors(run(cell, leaf, state, lengths))
        loss = sum((part + 1).cos().sum() for part in results)
        (first,) = torch.autograd.grad(loss, leaf, create_graph=True)
        penalty = first.square().sum()
        second.append(torch.autograd.grad(penalty, [leaf, *cell.parameters()], allow_unused=True))
    for actual, expected in zip(*second, strict=True):
        assert (actual is None) == (expected is None)
        if actual is not None:
            assert_same([actual], [expected])


@pytest.mark.parametrize("name", CELLS)
def test_tangents_of_inputs_state_and_weights_are_followed(name):
    cell, inputs, state = sample(CELLS[name])
    for place in ("inputs", "state"):
        with forward_ad.dual_level():
            given = {"inputs": inputs, "state": state}
            given[place] = map_state(
                lambda part: forward_ad.make_dual(part, torch.ones_like(part)), given[place]
            )
            tangents = [
                forward_ad.unpack_dual(run(cell, given["inputs"], given["state"])[0]).tangent
                for run in (unroll, unroll_eager)
            ]
            assert tangents[0].any()
            assert_same([tangents[0]], [tangents[1]])


def test_a_weight_changed_between_forward_and_backward_is_noticed():
    cell, inputs, state = sample(LSTMCell)
    loss = unroll_fused(cell, inputs, state)[0].sum()
    with torch.no_grad():
        cell.recurrent_map.weight.mul_(2)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


def test_two_threads_on_one_module_give_the_numbers_of_one():
    cell, inputs, state = sample(LSTMCell, time=20, hidden=16)
    lengths = torch.tensor([20, 7, 1])

    def run(found):
        for _ in range(10):
            outputs, _ = unroll(cell, inputs, state, lengths=lengths)
            found.append((outputs, *torch.autograd.grad(outputs.cos().sum(), cell.parameters())))

    alone: list = []
    run(alone)
    together: list[list] = [[], []]
    threads = [threading.Thread(target=run, args=(found,)) for found in together]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for found in together:
        assert len(found) == 10
        for results in found:
            assert all(map(torch.equal, results, alone[0]))


@pytest.mark.parametrize("name", CELLS)
def test_unroll_takes_the_fused_kernel_forward_and_reversed(name):
    cell, inputs, state = sample(CELLS[name])
    assert choose(cell, inputs, state).backend == "fused"  # in float64
    outputs, final = unroll(cell, inputs, state, reverse=True)
    expected, expected_final = unroll_eager(cell, inputs.flip(0), state)
    assert_same([outputs, *tensors(final)], [expected.flip(0), *tensors(expected_final)])


def test_int32_lengths_and_inputs_of_any_layout():
    cell, inputs, state = sample(GRUCell)
    strided = inputs.transpose(0, 1).contiguous().transpose(0, 1)
    lengths = torch.tensor([5, 1, 3], dtype=torch.int32)
    actual = tensors(unroll(cell, strided, state, lengths=lengths))
    assert_same(actual, tensors(unroll_eager(cell, inputs, state, lengths)))


def test_an_empty_batch_is_a_batch():
    cell, inputs, _ = sample(LSTMCell)
    for lengths in (None, torch.zeros(0, dtype=torch.long)):
        outputs, final = unroll(cell, inputs[:, :0], lengths=lengths)
        assert outputs.shape == (5, 0, 4)
        assert final.cell.shape == (0, 4)
