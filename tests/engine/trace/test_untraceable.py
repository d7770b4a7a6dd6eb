"""What cannot be traced says why, and a fingerprint tells when a trace has lost its worth."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode

from elman.cells import LSTMCell
from elman.engine.trace import Untraceable, fingerprint, trace
from reference.weights import Weights, rows

HIDDEN = 8


def _guarded(module, inputs, state):
    try:
        return state * float(state.sum()), state
    except Exception:
        return state, state


class _Straight(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x.round()

    @staticmethod
    def backward(ctx, gradient):
        return gradient


def _stopped(module, inputs, state):
    with torch.no_grad():
        return state * 2, state


def _changing(module, inputs, state):
    module.calls = getattr(module, "calls", 0) + 1
    return state, state


def _rebinding(module, inputs, state):
    module.mask = module.mask + 1
    return state, state


class _Random:
    value = 0.0

    def step(self, module, inputs, state):
        self.value += 1
        return state * self.value, state


BAD = {
    "input in place": (
        lambda m, x, h: (x.add_(1), h),
        r"its step changes its input in place \(aten.add_\)",
    ),
    "view of the state in place": (
        lambda m, x, h: (h[:, :2].zero_(), h),
        r"its step changes its input in place \(aten.zero_\)",
    ),
    "weight in place": (
        lambda m, x, h: (h, h + m.count.add_(1)),
        r"its step changes a weight in place \(aten.add_\)",
    ),
    "branch": (
        lambda m, x, h: (h, h if h.sum(1)[0] > 0 else -h),
        r"its step branches on the values of tensors \(.item\(\), bool\(\)\)",
    ),
    "branch on a weight": (
        lambda m, x, h: (h, h if m.scalar > 0 else -h),
        "its step branches on the values of tensors",
    ),
    "caught branch": (_guarded, "its step branches on the values of tensors"),
    "list": (lambda m, x, h: (h, h * sum(h[0].tolist())), "branches on the values of tensors"),
    "numpy": (lambda m, x, h: (h, h * np.asarray(x).max()), "branches on the values of tensors"),
    "unknown": (
        lambda m, x, h: (h, torch.erf(h)),
        "its step calls aten.erf, which the compiler does not know",
    ),
    "random": (
        lambda m, x, h: (h, F.dropout(h)),
        r"its step draws random numbers \(aten.bernoulli_",
    ),
    "random normal": (lambda m, x, h: (h, torch.randn_like(h)), "its step draws random numbers"),
    "types": (
        lambda m, x, h: (h, h + x.float().sum(1, keepdim=True)),
        "its step mixes torch.float64 and torch.float32",
    ),
    "whole numbers": (lambda m, x, h: (h, h.long() * h), "its step computes with torch.int64"),
    "shape of the state": (
        lambda m, x, h: (h, x),
        r"its state changes shape from \[batch, 6\] to \[batch, 4\]",
    ),
    "count of states": (lambda m, x, h: (h, (h, h)), "its state changes from 1 to 2 tensors"),
    "type of the state": (lambda m, x, h: (h, h > 0), "its state changes from torch.float64"),
    "two rows": (
        lambda m, x, h: (h, (h[:, None] @ h[:, :, None]).sum(-1) * h),
        "its step takes the matrix product of two rows",
    ),
    "over the batch": (lambda m, x, h: (h, h - h.mean(0)), "its step mixes the rows of the batch"),
    "among the batch": (lambda m, x, h: (h, h.flip(0)), "its step mixes the rows of the batch"),
    "all to all": (lambda m, x, h: (h, h @ h.t() @ h), "its step"),
    "batch size": (lambda m, x, h: (h, h / len(h)), "its step depends on the batch size"),
    "counting rows": (
        lambda m, x, h: (h, h * torch.arange(len(h))[:, None]),
        "its step makes values that differ from row to row",
    ),
    "detached": (lambda m, x, h: (h, h.detach() * 2), r"its step cuts gradients off"),
    "detached result": (lambda m, x, h: (h.detach(), h), r"its step cuts gradients off"),
    "data": (lambda m, x, h: (h, h.data * 2), "its step cuts gradients off"),
    "alias of a weight": (
        lambda m, x, h: (h, h @ m.alias),
        "its step takes a tensor's data past automatic differentiation",
    ),
    "no gradient": (_stopped, "its step computes without gradients"),
    "custom": (lambda m, x, h: (_Straight.apply(h), h), "its step computes without gradients"),
    "attributes": (_changing, "its step changes the attributes of its module"),
    "buffers": (_rebinding, "its step changes the attributes of its module"),
    "call to call": (_Random().step, "differs from call to call"),
    "an error": (lambda m, x, h: (h, h @ m.row[:2]), "its step fails when it is traced: size mism"),
    "no tensor": (lambda m, x, h: (None, h), "its output is a NoneType, not a tensor"),
    "no batch": (lambda m, x, h: (m.square, h), "its output has no batch axis"),
    "flat output": (lambda m, x, h: (h[:, 0], h), r"its output has the shape \[batch\]"),
    "positions": (
        lambda m, x, h: (h, h.gather(1, h.argsort(1))),
        "its step calls aten.sort|its step calls aten.argsort",
    ),
    "pieces": (
        lambda m, x, h: (h.repeat(1, 50)[:, torch.arange(299, -1, -1)], h),
        "its step reorders features into very many pieces",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_reasons(name):
    function, reason = BAD[name]
    module = Weights()
    before = {key: value.clone() for key, value in module.state_dict().items()}
    with pytest.raises(Untraceable, match=reason):
        trace(function, module, rows(4), rows())
    assert "calls" not in module.__dict__
    for key, value in module.state_dict().items():
        assert torch.equal(value, before[key]), key


@pytest.mark.parametrize(
    ("inputs", "state", "reason"),
    [
        (rows(), rows().long(), "a part of its state is torch.int64, not floating-point numbers"),
        (rows(), rows() > 0, "a part of its state is torch.bool"),
        (rows().float(), rows(), "its step mixes torch.float32 and torch.float64"),
        (rows(), torch.tensor(1.0, dtype=torch.float64), "a part of its state has no batch axis"),
        (rows(), rows().view(5, 2, 3), r"a part of its state has the shape \[batch, 2, 3\]"),
        ((), (), "its step reads no inputs and no state"),
    ],
)
def test_leaves_that_no_program_has(inputs, state, reason):
    with pytest.raises(Untraceable, match=reason):
        trace(lambda module, inputs, state: (inputs, state), nn.Module(), inputs, state)


class Plain(torch.Tensor):
    pass


def test_tensors_of_other_tools():
    def step(module, inputs, state):
        return state, state @ module.square

    module, state = Weights(), rows()

    def reason(inputs):
        with pytest.raises(Untraceable) as error:
            trace(step, module, inputs, state)
        return error.value.reason

    reasons = []
    torch.func.vmap(lambda x: (reasons.append(reason(x)), x)[1])(torch.ones(2, 5, 6).double())
    torch.func.grad(lambda x: (reasons.append(reason(x)), x.sum())[1])(rows())
    assert reasons == ["its step runs inside a transform of torch.func"] * 2
    with FakeTensorMode():
        assert reason(torch.ones(5, 6)) == "its step is being traced by another tool"
    assert reason(rows().as_subclass(Plain)) == "its step reads a Plain, not a plain tensor"


def test_fingerprints():
    cell = LSTMCell(5, HIDDEN)
    first = fingerprint(cell)
    assert hash(first) == hash(fingerprint(cell))
    with torch.no_grad():
        cell.input_map.weight.add_(1.0)
    assert fingerprint(cell) == first
    changes = [
        lambda: cell.eval(),
        lambda: setattr(cell, "scale", 2.0),
        lambda: setattr(cell, "_scale", [2.0, {"a": torch.ones(1)}]),
        lambda: cell.double(),
        lambda: cell.input_map.weight.requires_grad_(False),
        lambda: setattr(cell, "input_map", nn.Linear(5, 4 * HIDDEN, bias=False).double()),
        lambda: cell.register_buffer("mask", torch.ones(3)),
        lambda: setattr(cell, "recurrent_map", cell.input_map),
        lambda: cell.input_map.register_forward_hook(lambda *_: None),
        lambda: setattr(cell, "step", lambda *_: None),
    ]
    seen = {first}
    for change in changes:
        change()
        assert fingerprint(cell) not in seen
        seen.add(fingerprint(cell))
