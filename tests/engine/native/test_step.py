"""Native steps as functions of inputs and state, and in place."""

import copy
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import pytest
import torch
from torch import Tensor, nn

from elman.engine.native.step import CompiledStep, CompiledStream
from elman.engine.trace import trace
from elman.state import tensors


class Inputs(NamedTuple):
    wide: Tensor
    unused: Tensor
    narrow: Tensor


class States(NamedTuple):
    fast: Tensor
    slow: Tensor


class Module(nn.Module):
    """Three inputs, one of which no step reads, and a nested state of three tensors."""

    def __init__(self, size=6):
        super().__init__()
        self.size = size
        self.first = nn.Linear(4 + size, size)
        self.second = nn.Linear(size, size, bias=False)
        self.gain = nn.Parameter(torch.rand(size))

    def initial(self, batch):
        row = torch.linspace(-1, 1, self.size).expand(batch, -1)
        return (States(row, row * 0.5), (row - 0.1,))


def advance(module, inputs, state):
    (fast, slow), (third,) = state
    low = module.first(torch.cat([inputs.wide, fast], dim=-1)).tanh()
    new = module.second(low) * inputs.narrow.sigmoid() + module.gain * slow
    return new.softmax(-1), (States(low, new.tanh()), (third + fast,))


def hidden(module, inputs, state):
    """A step whose output is a part of its state."""
    _, after = advance(module, inputs, state)
    return after[0].slow, after


def draw(batch):
    return Inputs(torch.randn(batch, 4), torch.randn(batch, 2), torch.randn(batch, 1))


def make(module, function=advance):
    inputs, state = draw(1), module.initial(1)
    return CompiledStep(trace(function, module, inputs, state), module, inputs, state)


def in_float64(module, function, inputs, state):
    module = copy.deepcopy(module).double()
    inputs = Inputs(*(part.double() for part in inputs))
    (fast, slow), (third,) = state
    state = (States(fast.double(), slow.double()), (third.double(),))
    with torch.no_grad():
        return function(module, inputs, state)


def assert_close(actual, expected):
    for part, other in zip(tensors(actual), tensors(expected), strict=True):
        torch.testing.assert_close(part.double(), other, rtol=0, atol=1e-6)


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(3)


@pytest.mark.parametrize("function", [advance, hidden])
def test_steps_of_changing_batch_sizes_equal_the_definition(function):
    module = Module()
    step = make(module, function)
    for batch in (1, 4, 4, 1, 33):
        inputs, state = draw(batch), module.initial(batch)
        for _ in range(3):
            expected = in_float64(module, function, inputs, state)
            output, state = step(inputs, state)
            assert_close((output, state), expected)
        assert type(state) is tuple
        assert type(state[0]) is States
        assert not any(part.requires_grad for part in (output, *tensors(state)))


@pytest.mark.parametrize("function", [advance, hidden])
def test_what_a_step_is_given_and_has_given_stays_as_it_is(function):
    module = Module()
    step, results = make(module, function), []
    inputs, state = draw(2), module.initial(2)
    for _ in range(4):
        output, after = step(inputs, state)
        values = [part.clone() for part in (*inputs, *tensors(state), output, *tensors(after))]
        results.append(((*inputs, *tensors(state), output, *tensors(after)), values))
        state = after
    for given, values in results:
        assert all(map(torch.equal, given, values))


def test_the_weights_are_those_of_the_moment_it_is_made():
    module = Module()
    inputs, state = draw(2), module.initial(2)
    step = make(module)
    expected = step(inputs, state)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.zero_()
    again = step(inputs, state)
    assert all(map(torch.equal, tensors(again), tensors(expected)))


def test_inputs_and_states_of_any_strides():
    module = Module()
    inputs = Inputs(torch.randn(4, 3).t(), torch.randn(3, 2), torch.randn(3, 2)[:, :1])
    row = torch.randn(6, 3).t()
    state = (States(row, torch.randn(3, 12)[:, ::2]), (row,))
    expected = in_float64(module, advance, inputs, state)
    assert_close(make(module)(inputs, state), expected)


def test_the_number_of_threads_changes_no_number():
    module = Module(300)
    step, before = make(module), torch.get_num_threads()
    for batch in (1, 3, 9):
        inputs, state = draw(batch), module.initial(batch)
        found = []
        for threads in (1, 2):
            torch.set_num_threads(threads)
            found.append(step(inputs, state))
        torch.set_num_threads(before)
        assert all(map(torch.equal, tensors(found[0]), tensors(found[1])))
        assert_close(found[0], in_float64(module, advance, inputs, state))


def test_threads_may_use_one_step():
    module = Module()
    step = make(module)
    work = [(draw(batch), module.initial(batch)) for batch in (1, 2, 3, 1) * 20]
    expected = [step(*arguments) for arguments in work]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda arguments: step(*arguments), work))
    for one, other in zip(found, expected, strict=True):
        assert all(map(torch.equal, tensors(one), tensors(other)))


def test_what_does_not_fit_is_refused():
    module = Module()
    step, inputs, state = make(module), draw(2), module.initial(2)
    wrong = [
        (inputs._replace(wide=torch.zeros(2, 5)), state),
        (inputs._replace(narrow=torch.zeros(3, 1)), state),
        (inputs._replace(wide=inputs.wide.double()), state),
        (inputs, module.initial(1)),
        (inputs, (States(torch.zeros(2, 6), torch.zeros(2, 7)), state[1])),
    ]
    for arguments in wrong:
        with pytest.raises(ValueError, match=r"expects torch\.float32 \[2, "):
            step(*arguments)


@pytest.mark.parametrize("function", [advance, hidden])
def test_in_place_equals_the_function(function):
    module = Module()

    def step_of_one(module, inputs, state):
        return function(module, Inputs(inputs, inputs[:, :2], inputs[:, 2:3]), state)

    inputs, state = torch.randn(6, 3, 4), module.initial(3)
    stream = CompiledStream(trace(step_of_one, module, inputs[0], state), module, state)
    for row in inputs:
        arguments = Inputs(row, row[:, :2], row[:, 2:3])
        expected, state = in_float64(module, function, arguments, state)
        assert_close(stream(row), expected)
        assert_close(stream.state, state)
