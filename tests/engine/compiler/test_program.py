"""Programs keep their meaning when they are simplified, and take the form back ends rely on."""

import pytest
import torch
from hypothesis import given, settings

from elman.engine.compiler.builder import Builder
from elman.engine.compiler.derivative import derivative, heads
from elman.engine.compiler.interpret import interpret as interpret_in_torch
from elman.engine.compiler.program import (
    POINTWISE,
    REDUCTIONS,
    Matrix,
    Program,
    Result,
    Source,
    ordered,
)
from elman.engine.compiler.simplify import simplified
from reference.interpreter import interpret
from reference.random_programs import MATRICES, leaves, programs

COMPARISONS = ("lt", "le", "eq", "floor")  # whose values jump where rounding differs


def assert_same_results(actual, expected):
    assert actual.keys() == expected.keys()
    for target, value in expected.items():
        torch.testing.assert_close(actual[target], value, rtol=1e-11, atol=1e-11, msg=str(target))


def assert_in_form(program):
    """Check what `Builder` promises."""
    nodes = program.nodes()
    uses = {}
    for node in nodes:
        for operand in node.operands:
            uses.setdefault(operand, []).append(node)
    targets = [result.node for result in program.results]
    for node in nodes:
        if node.op == "slice":
            assert node.operands[0].op in ("leaf", "product")
        if node.op in ("cat", "spread"):
            assert all(user.op in ("product", "cat") for user in uses.get(node, []))
        if node.op in (*POINTWISE, *REDUCTIONS):
            assert all(part.op not in ("cat", "spread") for part in node.operands)
            widths = {part.width for part in node.operands} - {1}
            assert len(widths) <= 1
            expected = 1 if node.op in REDUCTIONS else max([1, *widths])
            assert node.width == expected
        if node.op == "product" and len(node.operands) == 2:
            addend = node.operands[1]
            assert addend.width == node.width
            assert addend.op == "leaf" or (
                addend.op == "product" and uses[addend] == [node] and addend not in targets
            )
    assert all(result.node.width in (1, result.width) for result in program.results)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(programs())
def test_a_simplified_program_has_the_same_results(program):
    values = {source: value.detach() for source, value in leaves().items()}
    simple = simplified(program)
    assert_in_form(simple)
    assert_same_results(interpret(simple, values, 3), interpret(program, values, 3))
    assert simplified(simple).text() == simplified(simplified(simple)).text()


@settings(max_examples=100, deadline=None, derandomize=True)
@given(programs())
def test_a_derivative_has_the_form_of_a_simplified_program(program):
    simple = simplified(program)
    backward = derivative(simple, lambda source: True)
    assert_in_form(backward.program)
    assert len(backward.products) == len(heads(simple.nodes()))


@settings(max_examples=100, deadline=None, derandomize=True)
@given(programs())
def test_a_program_means_the_same_in_torch_operations(program):
    values = {source: value.detach() for source, value in leaves().items()}
    simple = simplified(program)
    matrices = [values[Source("matrix", index)] for index in MATRICES]
    rows = {source: value for source, value in values.items() if source.kind != "matrix"}
    assert_same_results(interpret_in_torch(simple, rows, matrices), interpret(simple, values, 3))


def test_equal_values_are_one_node():
    build = Builder()
    x = build.leaf("state", 0, 4)
    assert build.apply("tanh", x) is build.apply("tanh", x)
    assert build.number(0.5) is build.number(0.5)
    assert build.number(0.0) is not build.number(-0.0)
    assert build.leaf("state", 0, 4) is x
    assert build.leaf("input", 0, 4) is not x


def test_what_changes_no_number_is_dropped():
    build = Builder()
    x = build.leaf("state", 0, 4)
    zero, one = build.number(0.0), build.number(1.0)
    assert build.apply("add", x, zero) is x
    assert build.apply("add", zero, x) is x
    assert build.apply("sub", x, zero) is x
    assert build.apply("mul", x, one) is x
    assert build.apply("div", x, one) is x
    assert build.apply("where", build.leaf("input", 0, 1), x, x) is x
    assert build.apply("where", x, one, one).width == 4  # as its users count on
    assert build.apply("mul", x, zero).op == "mul"  # it is NaN where x is


def test_slices_move_to_the_leaves():
    build = Builder()
    x, y = build.leaf("state", 0, 6), build.leaf("input", 0, 6)
    part = build.slice(build.apply("mul", build.apply("tanh", x), y), 2, 5)
    assert [node.op for node in ordered([part])] == [
        "leaf",
        "slice",
        "tanh",
        "leaf",
        "slice",
        "mul",
    ]
    joined = build.cat([build.slice(x, 0, 2), build.slice(x, 2, 6)], [2, 4])
    assert joined is x


def test_a_slice_of_repeated_features_keeps_its_width():
    build = Builder()
    x, y = build.leaf("state", 0, 1), build.leaf("input", 0, 1)
    row = build.slice(build.cat([x, y], [3, 3]), 1, 6)
    assert [(part.op, part.width) for part in row.operands] == [("spread", 2), ("spread", 3)]


def test_summands_of_a_product_are_fused():
    build = Builder(fold=False)
    state, inputs = build.leaf("state", 0, 6), build.leaf("input", 0, 6)
    bias = build.leaf("vector", 0, 6)
    recurrent = build.product(state, Matrix(0, True), 6)
    projected = build.product(inputs, Matrix(1, True), 6)
    total = build.apply("add", build.apply("add", recurrent, projected), bias)
    program = simplified(Program((Result(Source("output", 0), total, 6),)))
    (result,) = program.results
    chain = [result.node, result.node.operands[1], result.node.operands[1].operands[1]]
    assert [node.op for node in chain] == ["product", "product", "leaf"]
    # What needs no state comes first in time, so that it can be done for all steps at once.
    assert chain[0].operands[0].attribute == Source("state", 0)
    assert chain[1].operands[0].attribute == Source("input", 0)


def test_a_product_with_another_use_is_not_fused():
    build = Builder(fold=False)
    state, inputs = build.leaf("state", 0, 6), build.leaf("input", 0, 6)
    product = build.product(state, Matrix(0, True), 6)
    total = build.apply("add", product, inputs)
    results = (Result(Source("output", 0), total, 6), Result(Source("state", 0), product, 6))
    program = simplified(Program(results))
    assert program.results[0].node.op == "add"


def test_text_tells_programs_apart():
    def text(width, op, start):
        build = Builder()
        part = build.slice(build.leaf("state", 0, width), start, start + 2)
        return Program((Result(Source("output", 0), build.apply(op, part), 2),)).text()

    texts = [text(6, "tanh", 0), text(6, "tanh", 1), text(6, "sin", 0), text(5, "tanh", 0)]
    assert len(set(texts)) == 4
    assert text(6, "tanh", 0) == texts[0]


@pytest.mark.parametrize("depth", [5000])
def test_long_programs_need_no_recursion(depth):
    build = Builder()
    node = build.leaf("state", 0, 3)
    for _ in range(depth):
        node = build.apply("tanh", node)
    assert len(simplified(Program((Result(Source("output", 0), node, 3),))).nodes()) == depth + 1


def centred(build, row):
    mean = build.apply("div", build.reduce("sum", row, row.width), build.number(row.width))
    return build.apply("sub", row, mean)


def test_what_is_centred_adds_up_to_zero():
    build = Builder()
    x = build.leaf("state", 0, 6)
    assert build.reduce("sum", centred(build, x), 6) is build.number(0.0)
    other = build.apply("sub", x, build.leaf("input", 0, 1))
    assert build.reduce("sum", other, 6).op == "sum"


def test_a_sum_does_not_wait_for_a_factor_of_one_summand():
    build = Builder()
    x, y = build.leaf("state", 0, 6), build.leaf("input", 0, 6)
    size = build.reduce("sum", build.apply("mul", x, x), 6)
    total = build.apply("add", y, build.apply("mul", size, x))
    split = build.reduce("sum", total, 6)
    later = build.apply("mul", size, build.reduce("sum", x, 6))
    assert split is build.apply("add", build.reduce("sum", y, 6), later)
    # What is known before is left as it stands: there is nothing to gain.
    plain = build.apply("add", y, build.apply("mul", build.number(3.0), x))
    assert build.reduce("sum", plain, 6).operands == (plain,)


def test_a_known_reduction_is_not_done_again():
    build = Builder()
    x, known = build.leaf("state", 0, 6), build.leaf("product", 1, 1)
    build.know("sum", x, known)
    assert build.reduce("sum", x, 6) is known
    assert build.reduce("amax", x, 6).op == "amax"
