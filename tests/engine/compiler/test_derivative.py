"""The derivative of a program equals what torch's automatic differentiation finds."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from elman.engine.compiler.builder import Builder
from elman.engine.compiler.derivative import derivative
from elman.engine.compiler.program import (
    BINARY,
    REDUCTIONS,
    UNARY,
    Matrix,
    Program,
    Result,
    Source,
)
from elman.engine.compiler.saving import saving, saving_reductions
from elman.engine.compiler.simplify import simplified
from reference.interpreter import evaluate, gradients, interpret
from reference.random_programs import leaves, programs


def given_gradients(program, batch):
    draw = torch.Generator().manual_seed(1)
    found = {}
    for target, _, width in program.results:
        kind = "output_gradient" if target.kind == "output" else "state_gradient"
        value = torch.randn(batch, width, generator=draw, dtype=torch.float64)
        found[Source(kind, target.index)] = value
    return found


def assert_derivative_agrees(program, values, wanted):
    """Compare the gradients of the wanted leaves with those of the interpreter's torch graph."""
    batch = max(value.shape[0] for source, value in values.items() if source.kind == "state")
    given = given_gradients(program, batch)
    results = interpret(program, values, batch)
    pairs = [
        (result, gradient)
        for result, gradient in zip(results.values(), given.values(), strict=True)
        if result.requires_grad
    ]
    sources = sorted(source for source in values if source in wanted)
    right = [torch.zeros_like(values[source]) for source in sources]
    if pairs and sources:
        right = torch.autograd.grad(
            [result for result, _ in pairs],
            [values[source] for source in sources],
            [gradient for _, gradient in pairs],
            allow_unused=True,
            materialize_grads=True,
        )
    backward = derivative(program, wanted.__contains__)
    plain = {source: value.detach() for source, value in values.items()}
    forward = evaluate(program, plain, batch)
    products = [forward[node].clone() for node in backward.products]
    products.append(torch.zeros(batch, len(program.saved), dtype=torch.float64))
    for node, product, start in program.saved:
        products[product][:, start : start + node.width] = forward[node]
    found = gradients(backward, plain, given, products)
    assert found.keys() <= set(sources)
    for source, expected in zip(sources, right, strict=True):
        actual = found.get(source, torch.zeros_like(expected))
        torch.testing.assert_close(actual, expected, rtol=1e-9, atol=1e-9, msg=str(source))


@settings(max_examples=300, deadline=None, derandomize=True)
@given(programs())
def test_every_gradient_of_random_programs(program):
    values = leaves()
    assert_derivative_agrees(simplified(program), values, set(values))


@settings(max_examples=300, deadline=None, derandomize=True)
@given(programs())
def test_every_gradient_with_values_saved_in_products(program):
    values = leaves()
    assert_derivative_agrees(saving(simplified(program)), values, set(values))
    assert_derivative_agrees(saving_reductions(saving(simplified(program))), values, set(values))


@settings(max_examples=100, deadline=None, derandomize=True)
@given(programs(), st.sets(st.sampled_from(sorted(leaves()))))
def test_some_gradients_of_random_programs(program, wanted):
    assert_derivative_agrees(simplified(program), leaves(), wanted)


def one_operation(op, count):
    build = Builder()
    parts = [build.leaf("state", 0, 6), build.leaf("input", 0, 6), build.leaf("vector", 0, 6)]
    pointwise = op not in REDUCTIONS
    node = build.apply(op, *parts[:count]) if pointwise else build.reduce(op, parts[0], 6)
    return simplified(Program((Result(Source("output", 0), node, 6),)))


@pytest.mark.parametrize("op", [*UNARY, *BINARY, *REDUCTIONS, "where"])
@pytest.mark.parametrize("values", ["some", "equal", "zero"])
def test_every_operation(op, values):
    count = 1 if op in UNARY else 3 if op == "where" else 2
    names = [Source("state", 0), Source("input", 0), Source("vector", 0)]
    known = {source: value.detach().clone() for source, value in leaves().items()}
    known = {source: known[source] for source in names}
    if op in ("log", "sqrt"):
        known = {source: value.abs() + 0.1 for source, value in known.items()}
    elif values != "some" and op != "div":
        fill = 0.0 if values == "zero" else 0.75
        known = {source: torch.full_like(value, fill) for source, value in known.items()}
    known = {source: value.requires_grad_() for source, value in known.items()}
    assert_derivative_agrees(one_operation(op, count), known, set(names))


def test_what_is_left_for_afterwards():
    build = Builder(fold=False)
    state, inputs = build.leaf("state", 0, 6), build.leaf("input", 0, 4)
    total = build.apply(
        "add",
        build.product(state, Matrix(0, True), 6),
        build.product(inputs, Matrix(1, True), 6),
    )
    new = build.apply("tanh", total)
    results = (Result(Source("output", 0), new, 6), Result(Source("state", 0), new, 6))
    wanted = {Source("matrix", 0), Source("matrix", 1), Source("input", 0), Source("state", 0)}
    backward = derivative(simplified(Program(results)), wanted.__contains__)
    assert [gradient.matrix for gradient in backward.weights] == [Matrix(0, True), Matrix(1, True)]
    assert [weight.left.source for weight in backward.weights] == [
        Source("state", 0),
        Source("input", 0),
    ]
    (after,) = backward.inputs
    assert (after.index, after.matrix) == (0, Matrix(1, False))
    # All three read the same rows, which the backward pass keeps once.
    rows = {weight.gradient for weight in backward.weights} | {after.gradient}
    assert len(rows) == 1
    targets = [result.target for result in backward.program.results]
    assert targets == [Source("state_gradient", 0), rows.pop().source]


def test_values_are_saved_where_nothing_else_reads_the_product():
    build = Builder(fold=False)
    product = build.product(build.leaf("state", 0, 6), Matrix(0, True), 12)
    gate = build.apply("sigmoid", build.slice(product, 0, 4))
    new = build.apply("tanh", build.slice(product, 4, 8))
    read_twice = build.slice(product, 8, 12)
    other = build.apply("mul", read_twice, build.apply("tanh", read_twice))
    total = build.apply("add", build.apply("mul", gate, new), other)
    program = saving(simplified(Program((Result(Source("output", 0), total, 4),))))
    assert [(node.op, start) for node, _, start in program.saved] == [("sigmoid", 0), ("tanh", 4)]


def test_no_gradient_is_computed_that_nobody_wants():
    build = Builder()
    state, inputs = build.leaf("state", 0, 6), build.leaf("input", 0, 6)
    node = build.apply("mul", build.apply("tanh", state), build.apply("exp", inputs))
    program = Program((Result(Source("output", 0), node, 6),))
    backward = derivative(program, {Source("state", 0)}.__contains__)
    assert [result.target for result in backward.program.results] == [Source("state_gradient", 0)]
    assert backward.weights == backward.inputs == ()
    nothing = derivative(program, lambda source: False)
    assert nothing.program.results == ()
