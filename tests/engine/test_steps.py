"""Which steps are compiled, and how often they are traced."""

import gc
import weakref
from typing import NamedTuple

import pytest
import torch
from torch import Tensor, nn

from elman.engine import carried_step, step_function, steps
from elman.engine.native.step import CompiledStep


class State(NamedTuple):
    hidden: Tensor


class Module(nn.Module):
    def __init__(self, sign=1.0):
        super().__init__()
        self.map = nn.Linear(3, 4)
        self.sign = sign


def advance(module, inputs, state):
    hidden = (module.map(inputs) + module.sign * state.hidden).tanh()
    return hidden, State(hidden)


def branch(module, inputs, state):
    return advance(module, inputs if inputs.sum() > 0 else -inputs, state)


def arguments(module):
    like = module.map.weight
    return like.new_ones(2, 3), State(like.new_ones(2, 4))


def check(step, function, module):
    inputs, state = arguments(module)
    expected, after = function(module, inputs, state)
    output, found = step(inputs, state)
    assert not output.requires_grad
    torch.testing.assert_close(output, expected.detach())
    torch.testing.assert_close(found.hidden, after.hidden.detach())


@pytest.fixture
def traced(monkeypatch):
    """The functions that have been traced."""
    calls, trace = [], steps.trace

    def counted(function, *others):
        calls.append(function)
        return trace(function, *others)

    monkeypatch.setattr(steps, "trace", counted)
    return calls


def test_a_step_is_traced_again_only_if_its_module_has_changed(traced):
    module = Module()
    for _ in range(2):
        step = step_function(advance, module, *arguments(module))
        assert isinstance(step, CompiledStep)
        check(step, advance, module)
    assert traced == [advance]
    nn.init.normal_(module.map.weight)
    check(step_function(advance, module, *arguments(module)), advance, module)
    assert traced == [advance]
    module.sign = -1.0
    check(step_function(advance, module, *arguments(module)), advance, module)
    assert traced == [advance, advance]


def test_a_step_that_cannot_be_compiled_runs_as_it_is(traced):
    module = Module()
    for _ in range(2):
        step = step_function(branch, module, *arguments(module))
        assert not isinstance(step, CompiledStep)
        check(step, branch, module)
    assert traced == [branch]
    module.double()
    check(step_function(advance, module, *arguments(module)), advance, module)
    assert traced == [branch]


@pytest.mark.parametrize("function", [advance, branch])
def test_what_is_known_of_a_module_goes_with_it(function):
    module = Module()
    step_function(function, module, *arguments(module))
    gone = weakref.ref(module)
    del module
    gc.collect()
    assert gone() is None


@pytest.mark.parametrize(
    ("function", "dtype", "reason"),
    [
        (advance, torch.float32, None),
        (branch, torch.float32, "branches on the values"),
        (advance, torch.float64, "handles torch.float32, not torch.float64"),
    ],
)
def test_a_step_that_keeps_its_state(function, dtype, reason):
    module = Module().to(dtype)
    inputs, state = arguments(module)
    step, against = carried_step(function, module, inputs, state)
    assert against is None if reason is None else reason in against
    for _ in range(3):
        expected, state = function(module, inputs, state)
        output = step(inputs)
        torch.testing.assert_close(output, expected.detach())
        output.zero_()
        step.state.hidden.zero_()
        torch.testing.assert_close(step.state.hidden, state.hidden.detach())
    given = State(torch.ones(2, 4, dtype=dtype))
    step.state = given
    given.hidden.zero_()
    assert torch.equal(step.state.hidden, torch.ones(2, 4, dtype=dtype))
