"""Whether a traced step and its derivative agree with the step itself."""

import torch

from elman.engine.compiler.derivative import derivative
from elman.engine.compiler.program import Source
from elman.engine.trace import trace
from elman.state import map_state, tensors
from reference.interpreter import evaluate, gradients, interpret


def leaves_of(traced, module, inputs, state):
    """Return what a program reads, by source."""
    vectors, matrices = traced.constants(module)
    rows = {Source("input", k): part for k, part in enumerate(tensors(inputs))}
    rows |= {Source("state", k): part for k, part in enumerate(tensors(state))}
    leaves = {source: part.reshape(len(part), -1) for source, part in rows.items()}
    leaves |= {Source("vector", k): part for k, part in enumerate(vectors)}
    return leaves | {Source("matrix", k): part for k, part in enumerate(matrices)}


def assert_agrees(function, module, inputs, state, tolerance=1e-12):
    """Trace a step of float64 tensors, run it and its derivative, compare with torch."""
    traced = trace(function, module, inputs, state)
    batch = next(tensors(state)).shape[0]

    def fresh(structure):
        return map_state(lambda part: part.detach().clone().requires_grad_(), structure)

    inputs, state = fresh(inputs), fresh(state)
    output, new_state = function(module, inputs, state)
    expected = [output, *tensors(new_state)]
    leaves = leaves_of(traced, module, inputs, state)
    actual = interpret(traced.program, leaves, batch)
    assert [target for target, _, _ in traced.program.results] == [
        Source("output", 0),
        *(Source("state", number) for number in range(len(expected) - 1)),
    ]
    for (target, _, _), value in zip(traced.program.results, expected, strict=True):
        shown = actual[target].view(value.shape)
        torch.testing.assert_close(shown, value, rtol=tolerance, atol=tolerance, equal_nan=True)
    if any(value.requires_grad for value in expected):
        _assert_gradients_agree(traced, module, inputs, state, expected, tolerance)
    return traced


def _assert_gradients_agree(traced, module, inputs, state, expected, tolerance):
    draw = torch.Generator().manual_seed(1)
    given = [torch.randn(part.shape, generator=draw, dtype=part.dtype) for part in expected]
    named = {f"parameter {name}": part for name, part in module.named_parameters()}
    named |= {f"input {k}": part for k, part in enumerate(tensors(inputs))}
    named |= {f"state {k}": part for k, part in enumerate(tensors(state))}
    wanted = {name: part for name, part in named.items() if part.requires_grad}
    pairs = [(e, g) for e, g in zip(expected, given, strict=True) if e.requires_grad]
    right = torch.autograd.grad(
        [value for value, _ in pairs],
        list(wanted.values()),
        [gradient for _, gradient in pairs],
        allow_unused=True,
        materialize_grads=True,
    )

    leaves = leaves_of(traced, module, inputs, state)
    needed = {source for source, part in leaves.items() if part.requires_grad}
    backward = derivative(traced.program, needed.__contains__)
    flat = [part.reshape(part.shape[0], -1) for part in given]
    targets = [Source("output_gradient", 0)]
    targets += [Source("state_gradient", number) for number in range(len(flat) - 1)]
    plain = {source: part.detach() for source, part in leaves.items()}
    batch = flat[0].shape[0]
    values = evaluate(traced.program, plain, batch)
    products = [values[node] for node in backward.products]
    found = gradients(backward, plain, dict(zip(targets, flat, strict=True)), products)
    outer = [(leaves[source], found[source]) for source in needed if source in found]
    left = torch.autograd.grad(
        [value for value, _ in outer],
        list(wanted.values()),
        [gradient.view(value.shape) for value, gradient in outer],
        allow_unused=True,
        materialize_grads=True,
    )
    for name, one, other in zip(wanted, left, right, strict=True):
        close = torch.allclose(one, other, rtol=tolerance, atol=tolerance)
        assert close, f"{name}: {one} is not {other}"
