"""Every operation of the table means what torch means, its gradient included."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from elman.engine.compiler.interpret import interpret as interpret_in_torch
from elman.engine.compiler.program import Source
from elman.engine.trace import Untraceable, trace
from elman.engine.trace.reductions import REDUCTIONS
from elman.engine.trace.table import POINTWISE_RULES
from reference.agreement import assert_agrees
from reference.interpreter import interpret

SIZE = 6
UNARY = {
    "neg": torch.neg,
    "exp": torch.exp,
    "exp2": torch.exp2,
    "expm1": torch.expm1,
    "log": lambda x: x.abs().log(),
    "log1p": lambda x: x.abs().log1p(),
    "log2": lambda x: x.abs().log2(),
    "log10": lambda x: x.abs().log10(),
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "log_sigmoid_forward": F.logsigmoid,
    "relu": torch.relu,
    "leaky_relu": lambda x: F.leaky_relu(x, 0.2),
    "elu": lambda x: F.elu(x, 1.5) + F.selu(x),
    "celu": lambda x: F.celu(x, 0.5),
    "silu": F.silu,
    "mish": F.mish,
    "gelu": lambda x: F.gelu(x, approximate="tanh"),
    "softplus": lambda x: F.softplus(x, 2.0, 3.0),
    "hardtanh": lambda x: F.hardtanh(x, -0.5, 0.75) + F.relu6(x * 4),
    "hardsigmoid": lambda x: F.hardsigmoid(x * 3),
    "hardswish": lambda x: F.hardswish(x * 3),
    "threshold": lambda x: F.threshold(x, 0.3, -2.0),
    "clamp": lambda x: x.clamp(-0.4, 0.6) + x.clamp(min=0.1),
    "clamp_min": lambda x: x.clamp_min(0.2),
    "clamp_max": lambda x: x.clamp_max(0.2),
    "sqrt": lambda x: x.abs().sqrt(),
    "rsqrt": lambda x: x.abs().rsqrt(),
    "reciprocal": torch.reciprocal,
    "square": torch.square,
    "pow": lambda x: x**3 + x**-2 + x.abs() ** 0.5 + x.abs() ** -1.5 + 2.5**x + x**0,
    "abs": torch.abs,
    "sign": lambda x: torch.sign(x) * x,
    "sgn": lambda x: torch.sgn(x) * x,
    "floor": lambda x: torch.floor(x * 3) * x,
    "ceil": lambda x: torch.ceil(x * 3) * x,
    "trunc": lambda x: torch.trunc(x * 3) * x,
    "round": lambda x: torch.round(x * 2) * x,
    "frac": lambda x: torch.frac(x * 3),
    "remainder": lambda x: (x * 9) % 3 + (x * 9) % -4,
    "fmod": lambda x: torch.fmod(x * 9, 3) + torch.fmod(x * 9, -4),
    "sin": torch.sin,
    "cos": torch.cos,
    "tan": torch.tan,
    "isnan": lambda x: x.isnan().to(x.dtype) + x,
    "isfinite": lambda x: x.isfinite().to(x.dtype) + x,
    "isinf": lambda x: x.isinf().to(x.dtype) + x,
    "zero": lambda x: (x * 2).zero_() + x,
    "fill": lambda x: (x * 2).fill_(3.0) * x,
    "clone": torch.clone,
    "contiguous": lambda x: x.t().contiguous().t(),
    "div": lambda x: sum(
        torch.div(x * 9, by, rounding_mode=mode) * x
        for mode in ("floor", "trunc")
        for by in (3, -4)
    ),
    "rsub": lambda x: torch.rsub(x, 3.0, alpha=2),
    "alias": lambda x: torch.ops.aten.alias(x),
    "logical_not": lambda x: torch.where(torch.logical_not(x > 0), x, -2 * x),
    "bitwise_not": lambda x: torch.where(~(x > 0), x, -2 * x),
}
BINARY = {
    "add": lambda x, y: torch.add(x, y, alpha=0.5) + 1,
    "sub": lambda x, y: torch.sub(x, y, alpha=0.5) - 1,
    "mul": lambda x, y: x * y * 2,
    "div": lambda x, y: x / y / 3 + 2 / y,
    "true_divide": torch.true_divide,
    "maximum": torch.maximum,
    "minimum": torch.minimum,
    "lt": lambda x, y: torch.where(x < y, x, y * 2),
    "le": lambda x, y: torch.where(x <= y, x, y * 2),
    "gt": lambda x, y: torch.where(x > y, x, y * 2),
    "ge": lambda x, y: torch.where(x >= y, x, y * 2),
    "eq": lambda x, y: torch.where(x.round() == y.round(), x, y * 2),
    "ne": lambda x, y: torch.where(x.round() != y.round(), x, y * 2),
    "logical_and": lambda x, y: torch.logical_and(x > 0, y.round()) * x,
    "logical_or": lambda x, y: torch.logical_or(x > 0, y.round()) * x,
    "logical_xor": lambda x, y: torch.logical_xor(x > 0, y > 0) * x,
    "bitwise_and": lambda x, y: ((x > 0) & (y > 0)) * x,
    "bitwise_or": lambda x, y: ((x > 0) | (y > 0)) * x,
    "bitwise_xor": lambda x, y: ((x > 0) ^ (y > 0)) * x,
    "where": lambda x, y: torch.where(y > 0, x, 1.0) + torch.where(y > 0, 0.5, x) * y,
    "masked_fill": lambda x, y: x.masked_fill(y > 0, -3.0),
    "lerp": lambda x, y: torch.lerp(x, y, 0.3) + torch.lerp(x, y, 0.8) + torch.lerp(x, y, x),
    "addcmul": lambda x, y: torch.addcmul(x, y, x, value=0.5) + torch.addcmul(x, y, y),
    "addcdiv": lambda x, y: torch.addcdiv(x, y, x, value=0.5) + torch.addcdiv(x, x, y),
    "copy": lambda x, y: (x * 2).copy_(y) + x,
    "_prelu_kernel": lambda x, y: F.prelu(x, torch.full((1,), 0.3, dtype=x.dtype)) + y,
    "expand": lambda x, y: x[:, :1].expand(-1, SIZE) * y,
}
REDUCED = {
    "sum": lambda x: x.sum(-1, keepdim=True) * x + x.sum(1)[:, None],
    "mean": lambda x: x.mean(-1, keepdim=True) * x,
    "amax": lambda x: x.amax(-1, keepdim=True) * x,
    "amin": lambda x: x.amin(-1, keepdim=True) * x,
    "any": lambda x: (x > 1).any(-1, keepdim=True) * x,
    "all": lambda x: (x > -1).all(-1, keepdim=True) * x,
    "var": lambda x: x.var(-1, keepdim=True) * x + x.var(-1, correction=0)[:, None],
    "std": lambda x: x.std(-1, keepdim=True) * x + x.std(-1, unbiased=False, keepdim=True),
    "var_mean": lambda x: sum(torch.var_mean(x, -1, keepdim=True)) * x,
    "linalg_vector_norm": lambda x: sum(x.norm(order, -1, True) for order in (1, 2, math.inf)) * x,
    "norm": lambda x: torch.ops.aten.norm.ScalarOpt_dim(x, 2, [-1], True) * x,
    "logsumexp": lambda x: x.logsumexp(-1, keepdim=True) * x,
    "_softmax": lambda x: F.softmax(x * 3, -1),
    "_log_softmax": lambda x: F.log_softmax(x * 3, -1),
    "native_layer_norm": lambda x: F.layer_norm(x, (SIZE,), eps=1e-3),
}
SINGLE = {"hardsigmoid": 1e-7}  # torch takes a sixth in single precision
APART = {"lift", "lift_fresh", "floor_divide"}  # what torch itself calls, or cannot differentiate


def test_every_rule_is_tested():
    assert set(POINTWISE_RULES) == {*UNARY, *BINARY, *APART}
    assert set(REDUCTIONS) == set(REDUCED)


def rows(*parts):
    return torch.tensor(parts, dtype=torch.float64)


def sample(seed=0):
    draw = torch.Generator().manual_seed(seed)
    return torch.randn(5, SIZE, generator=draw, dtype=torch.float64)


def of_state(function):
    def step(module, inputs, state):
        new = function(state)
        return new + inputs, new

    return step


def of_both(function):
    def step(module, inputs, state):
        new = function(inputs, state)
        return new * 2, new

    return step


@pytest.mark.parametrize("name", UNARY)
def test_operation_of_one_row(name):
    tolerance = SINGLE.get(name, 1e-12)
    assert_agrees(of_state(UNARY[name]), nn.Module(), sample(), sample(1), tolerance)


def test_whole_quotients():
    def step(module, inputs, state):
        return inputs * (state // 3), state

    state = sample(1) * 9
    traced = trace(step, nn.Module(), sample(), state)
    leaves = {Source("input", 0): sample(), Source("state", 0): state}
    actual = interpret(traced.program, leaves, 5)
    torch.testing.assert_close(actual[Source("output", 0)], sample() * (state // 3))


@pytest.mark.parametrize("name", BINARY)
def test_operation_of_two_rows(name):
    assert_agrees(of_both(BINARY[name]), nn.Module(), sample(), sample(1))


@pytest.mark.parametrize("name", REDUCED)
def test_operation_over_features(name):
    assert_agrees(of_state(REDUCED[name]), nn.Module(), sample(), sample(1))


@pytest.mark.parametrize("name", UNARY)
def test_special_values(name):
    values = [0.0, -0.0, 1e-9, -1e-9, 0.5, 1.5, 2.5, -2.5, 3.0, -3.0, 30.0, math.nan]
    state = rows(values)
    step, inputs, tolerance = (
        of_state(UNARY[name]),
        torch.zeros_like(state),
        SINGLE.get(name, 1e-12),
    )
    traced = trace(step, nn.Module(), inputs, state)
    state = state.clone().requires_grad_()
    _, expected = step(None, inputs, state)
    leaves = {Source("input", 0): inputs, Source("state", 0): state}
    actual = interpret(traced.program, leaves, len(state))[Source("state", 0)]
    usual = expected.isfinite() | expected.isnan()
    torch.testing.assert_close(
        actual[usual], expected[usual], rtol=tolerance, atol=tolerance * 1e-12, equal_nan=True
    )
    if not expected.requires_grad:
        return
    (right,) = torch.autograd.grad(expected.sum(), state)
    (left,) = torch.autograd.grad(actual.sum(), state)
    usual = expected.isfinite() & right.isfinite()
    torch.testing.assert_close(left[usual], right[usual], rtol=tolerance, atol=tolerance * 1e-12)


@pytest.mark.parametrize("name", ["elu", "silu", "softplus", "gelu", "sigmoid", "expm1"])
def test_gradients_are_finite_far_from_zero(name):
    state = rows([-800.0, -100.0, 20.0, 100.0, 300.0])
    assert_agrees(of_state(UNARY[name]), nn.Module(), torch.zeros_like(state), state)


@pytest.mark.parametrize("name", ["_softmax", "_log_softmax", "logsumexp", "native_layer_norm"])
def test_reductions_of_large_values(name):
    state = rows([900.0, -900.0, 3.0, 0.5, 0.25, 899.5], [-1e4] * 5 + [-1e4 + 0.5])
    assert_agrees(of_state(REDUCED[name]), nn.Module(), torch.zeros_like(state), state, 1e-10)


@pytest.mark.parametrize("name", ["std", "linalg_vector_norm", "_softmax", "amax"])
def test_reductions_of_equal_values(name):
    state = torch.zeros(2, SIZE, dtype=torch.float64)
    assert_agrees(of_state(REDUCED[name]), nn.Module(), torch.ones_like(state), state)


def test_a_masked_softmax():
    def step(module, inputs, state):
        weights = F.softmax(state.masked_fill(inputs > 0, -math.inf), -1)
        return weights + inputs, weights

    assert_agrees(step, nn.Module(), sample(), sample(1))


@pytest.mark.parametrize("name", ["expm1", "log1p", "softplus", "elu", "log_sigmoid_forward"])
def test_single_precision_keeps_its_digits_near_zero(name):
    function = {"log1p": torch.log1p, "softplus": F.softplus}.get(name, UNARY[name])
    state = torch.tensor([[1e-7, -1e-7, 3e-5, -3e-5, 1e-3, -0.3, 0.49, 0.51, -12.0, 15.0]])
    state = state.abs() if name == "log1p" else state
    traced = trace(of_state(function), nn.Module(), torch.zeros_like(state), state)
    leaves = {Source("input", 0): torch.zeros_like(state), Source("state", 0): state}
    actual = interpret_in_torch(traced.program, leaves, [])[Source("state", 0)]
    torch.testing.assert_close(actual.double(), function(state.double()), rtol=1e-6, atol=0)


def test_operations_that_torch_takes_apart():
    for function in (lambda x: x.cumsum(-1), lambda x: F.normalize(x, dim=-1), F.hardshrink):
        assert_agrees(of_state(function), nn.Module(), sample(), sample(1))


@pytest.mark.parametrize(
    ("function", "reason"),
    [
        (F.gelu, "error function"),
        (lambda x: x**2.3, "power 2.3"),
        (lambda x: x**x, "powers that are not fixed"),
        (lambda x: x % 0.1, "not a whole number"),
        (lambda x: x % x, "not a whole number"),
        (lambda x: x % 5000, "above 4096"),
        (lambda x: (-2.0) ** x, "not positive"),
        (lambda x: x.norm(3, -1, True) * x, "norm of order 3"),
        (torch.erf, "its step calls aten.erf, which the compiler does not know"),
        (lambda x: x.sort(-1).values, "its step calls aten.sort, which"),
        (lambda x: x.max(-1, keepdim=True).values * x, "aten.max"),
    ],
)
def test_what_the_table_leaves_to_torch(function, reason):
    with pytest.raises(Untraceable, match=reason):
        trace(of_state(function), nn.Module(), sample(), sample(1))
