"""Rows cut where their features part ways: the same numbers without slices."""

import torch

from elman.engine.compiler.builder import Builder
from elman.engine.compiler.interpret import interpret
from elman.engine.compiler.program import Matrix, Node, Program, Result, Source
from elman.engine.triton.split import Block, Part, split


def whole(node):
    """Undo `split`, as the interpreter knows no parts."""
    parts = tuple(whole(part) for part in node.operands)
    if node.op in ("leaf", "product"):
        attribute = node.attribute
        inner = attribute.source if node.op == "leaf" else attribute.matrix
        assert isinstance(attribute, Part if node.op == "leaf" else Block)
        if node.op == "product" and len(parts) == 2:
            bare = Node("product", parts[:1], attribute.features, inner)
            rest = Node("slice", (bare,), node.width, attribute.start)
            return Node("add", (rest, parts[1]), node.width)
        base = Node(node.op, parts, attribute.features, inner)
        return Node("slice", (base,), node.width, attribute.start)
    return Node(node.op, parts, node.width, node.attribute)


def test_products_and_leaves_used_whole_and_in_parts():
    build = Builder()
    state, gain = build.leaf("state", 0, 5), build.leaf("vector", 0, 6)
    inner = build.product(state, Matrix(0, True), 6, build.leaf("input", 0, 6))
    outer = build.product(build.apply("tanh", state), Matrix(1, False), 6, inner)
    other = build.product(state, Matrix(2, True), 6)
    # `other` is cut only because it meets `outer`.
    mixed = build.apply("mul", build.apply("add", outer, other), gain)
    total = build.reduce("sum", mixed, 6)
    narrow = build.apply("add", build.slice(outer, 1, 3), build.slice(gain, 4, 6))
    results = (
        Result(Source("output", 0), build.apply("mul", mixed, total), 6),
        Result(Source("state", 0), build.cat([narrow, total], [2, 3]), 5),
    )
    program = Program(results)
    cut = split(program)
    assert all(node.op != "slice" for node in cut.nodes())
    widths = sorted(node.width for node in cut.nodes() if node.op == "product")
    assert widths == [1] * 6 + [2] * 6
    torch.manual_seed(0)
    leaves = {
        Source("state", 0): torch.randn(4, 5, dtype=torch.float64),
        Source("input", 0): torch.randn(4, 6, dtype=torch.float64),
        Source("vector", 0): torch.randn(6, dtype=torch.float64),
    }
    shapes = [(6, 5), (5, 6), (6, 5)]
    matrices = [torch.randn(*shape, dtype=torch.float64) for shape in shapes]
    again = Program(tuple(Result(t, whole(node), width) for t, node, width in cut.results))
    expected = interpret(program, leaves, matrices)
    for target, found in interpret(again, leaves, matrices).items():
        torch.testing.assert_close(found, expected[target])


def test_a_program_without_slices_keeps_its_products():
    build = Builder()
    product = build.product(build.leaf("state", 0, 3), Matrix(0, True), 3)
    cut = split(Program((Result(Source("state", 0), build.apply("tanh", product), 3),)))
    assert [node.op for node in cut.nodes()] == ["leaf", "product", "tanh"]
