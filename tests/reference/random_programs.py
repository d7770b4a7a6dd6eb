"""Random programs for tests, and values for their leaves."""

import torch
from hypothesis import strategies as st

from elman.engine.compiler.builder import Builder
from elman.engine.compiler.program import (
    Matrix,
    Node,
    Program,
    Result,
    Source,
)

WIDTHS = {
    Source("input", 0): 6,
    Source("input", 1): 1,
    Source("state", 0): 6,
    Source("state", 1): 4,
    Source("vector", 0): 6,
    Source("vector", 1): 1,
}
MATRICES = {0: (6, 6), 1: (4, 6), 2: (6, 4), 3: (6, 4)}  # as stored
SMOOTH = ("neg", "tanh", "sigmoid", "sin", "cos", "abs", "floor")
BINARY = ("add", "add", "sub", "mul", "maximum", "minimum", "lt", "le", "eq")


@st.composite
def programs(draw) -> Program:
    """Draw a program with results of both widths, in the form in which steps are recorded."""
    build = Builder(fold=False)
    nodes = [build.leaf(*source, width) for source, width in WIDTHS.items()]
    nodes += [build.number(value) for value in (0.0, 1.0, -0.5)]
    for _ in range(draw(st.integers(1, 14))):
        nodes.append(_node(draw, build, nodes))
    results = []
    for target, width in (
        (Source("output", 0), 6),
        (Source("state", 0), 6),
        (Source("state", 1), 4),
    ):
        # The later the node, the more of the program it reads.
        fitting = [node for node in nodes if node.width in (1, width)][-5:]
        results.append(Result(target, draw(st.sampled_from(fitting)), width))
    return Program(tuple(results))


def _node(draw, build: Builder, nodes: list[Node]) -> Node:  # noqa: C901  one case a kind of node
    def pick(*widths: int) -> Node:
        return draw(st.sampled_from([n for n in nodes if not widths or n.width in widths][-12:]))

    kinds = ["unary", "binary", "where", "slice", "cat", "product", "product", "sum", "amax"]
    match draw(st.sampled_from([*kinds, "div", "exp"])):
        case "unary":
            return build.apply(draw(st.sampled_from(SMOOTH)), pick())
        case "binary":
            first = pick()
            second = pick(1, first.width) if first.width > 1 else pick()
            return build.apply(draw(st.sampled_from(BINARY)), first, second)
        case "where":
            first = pick(6, 1)
            return build.apply("where", build.apply("lt", pick(6, 1), first), first, pick(6, 1))
        case "slice":
            node = pick(6, 4)
            start = draw(st.integers(0, node.width - 1))
            return build.slice(node, start, draw(st.integers(start + 1, node.width)))
        case "cat":
            parts = [pick(1, 2, 3) for _ in range(2)]
            first = draw(st.integers(1, 5)) if parts[0].width == 1 else parts[0].width
            second = 6 - first
            if parts[1].width not in (1, second):
                parts[1] = pick(1)
            return build.cat(parts, [first, second])
        case "product":
            return _product(draw, build, pick(6, 4))
        case "sum" | "amax" as op:
            node = pick()
            return build.reduce(op, node, node.width)
        case "div":
            below = build.apply("add", build.number(2.0), build.apply("sin", pick(6, 1)))
            return build.apply("div", pick(6, 1), below)
        case _:
            return build.apply("exp", build.apply("tanh", pick()))


def _product(draw, build: Builder, left: Node) -> Node:
    choices = [
        Matrix(index, transposed)
        for index, shape in MATRICES.items()
        for transposed in (False, True)
        if shape[int(transposed)] == left.width
    ]
    matrix = draw(st.sampled_from(choices))
    rows, columns = MATRICES[matrix.index]
    return build.product(left, matrix, rows if matrix.transposed else columns)


def leaves(batch: int = 3) -> dict[Source, torch.Tensor]:
    """Return values that require gradients for every leaf and matrix."""
    draw = torch.Generator().manual_seed(0)

    def some(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=draw, dtype=torch.float64).requires_grad_()

    found = {
        source: some(width) if source.kind == "vector" else some(batch, width)
        for source, width in WIDTHS.items()
    }
    return found | {Source("matrix", index): some(*shape) for index, shape in MATRICES.items()}
