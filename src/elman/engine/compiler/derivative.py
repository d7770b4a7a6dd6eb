"""The derivative of a program: reverse-mode automatic differentiation of one time step."""

from collections.abc import Callable, Iterable
from itertools import pairwise
from typing import NamedTuple

from elman.engine.compiler.builder import Builder
from elman.engine.compiler.program import (
    REDUCTIONS,
    Matrix,
    Node,
    Program,
    Result,
    Source,
)
from elman.engine.compiler.simplify import simplified


class Columns(NamedTuple):
    """Some features of what lies in memory for every row and step."""

    source: Source
    start: int
    width: int


class WeightGradient(NamedTuple):
    """A weight's gradient as one product over all rows and steps: $dW = dy^T x$.

    Attributes:
        matrix: the weight.
        left: the rows $x$ that were multiplied: a leaf's or kept.
        gradient: the gradient $dy$ of the product.
    """

    matrix: Matrix
    left: Columns
    gradient: Columns


class InputGradient(NamedTuple):
    """An input's gradient as one product over all rows and steps: $dx = dy W$.

    Attributes:
        index: which input.
        matrix: the weight, as the right side of this product.
        gradient: the rows $dy$ on the left.
    """

    index: int  # type: ignore[assignment]
    matrix: Matrix
    gradient: Columns


class Derivative(NamedTuple):
    """The backward step of a program.

    Attributes:
        program: reads the forward step's leaves, its products (kind `product`, numbered as
            `products`), the gradients of its outputs (`output_gradient`) and of the state after
            it (`state_gradient`); its results are `state_gradient` of the state before,
            `input_gradient`, `vector_gradient` (to be summed over rows and steps) and `kept`.
        products: the forward products whose values it reads.
        weights: the weight gradients left to do afterwards.
        inputs: the input gradients left to do afterwards.
    """

    program: Program
    products: tuple[Node, ...]
    weights: tuple[WeightGradient, ...]
    inputs: tuple[InputGradient, ...]


def derivative(program: Program, wanted: Callable[[Source], bool]) -> Derivative:
    """Differentiate a program.

    Args:
        program: a simplified program.
        wanted: whether the gradient of a leaf's source is needed, for sources of kind `input`,
            `vector`, `matrix` and `state`.

    Returns:
        The backward step.
    """
    return _Backward(program, wanted).derivative()


def chain(product: Node) -> list[Node]:
    """Return a product and the products it starts from, the first to be computed last.

    Args:
        product: a node of op `product`.

    Returns:
        The products, whose values share one place.
    """
    products = [product]
    while len(products[-1].operands) == 2 and products[-1].operands[1].op == "product":
        products.append(products[-1].operands[1])
    return products


def heads(nodes: Iterable[Node]) -> list[Node]:
    """Return the products that no other product starts from.

    Args:
        nodes: the nodes of a program.

    Returns:
        The products whose values others read.
    """
    products = [node for node in nodes if node.op == "product"]
    inner = {part for product in products for part in chain(product)[1:]}
    return [product for product in products if product not in inner]


class _Backward:
    """Walks a program backwards, collecting the gradient of each value."""

    def __init__(self, program: Program, wanted: Callable[[Source], bool]) -> None:
        self._forward = program
        self._wanted = wanted
        self._build = Builder(gate=True)
        self._nodes = program.nodes()
        self._products = heads(self._nodes)
        self._values = self._copied()
        self._active = self._depending()
        self._pieces: dict[Node, list[tuple[int, Node, int]]] = {}
        self._weights: list[tuple[Matrix, Node, Node]] = []

    def derivative(self) -> Derivative:
        for target, node, width in self._forward.results:
            kind = "output_gradient" if target.kind == "output" else "state_gradient"
            gradient = self._build.leaf(kind, target.index, width)
            self._give(node, gradient, width)
        for node in reversed(self._nodes):
            if node in self._active and node in self._pieces:
                self._visit(node, self._gradient(node))
        return self._finished()

    def _copied(self) -> dict[Node, Node]:
        """Rebuild the forward values, products being read from memory."""
        values: dict[Node, Node] = {}
        build = self._build
        saved = {node: (product, start) for node, product, start in self._forward.saved}
        places = [product.width for product in self._products]
        places.append(sum(product == len(places) for product, _ in saved.values()))
        for node in self._nodes:
            parts = [values[part] for part in node.operands]
            if node in saved:
                product, start = saved[node]
                whole = build.leaf("product", product, places[product])
                values[node] = build.slice(whole, start, start + node.width)
                if node.op in REDUCTIONS:
                    build.know(node.op, parts[0], values[node])
            elif node.op == "product":
                number = self._products.index(node) if node in self._products else -1
                values[node] = build.leaf("product", number, node.width)
            elif node.op == "leaf":
                kind, index = node.attribute
                values[node] = build.leaf(kind, index, node.width)
            elif node.op == "number":
                values[node] = build.number(node.attribute)
            elif node.op == "slice":
                values[node] = build.slice(parts[0], node.attribute, node.attribute + node.width)
            elif node.op in ("cat", "spread"):
                widths = [part.width for part in node.operands]
                values[node] = build.cat(parts, [node.width] if node.op == "spread" else widths)
            elif node.op in ("sum", "amax"):
                values[node] = build.reduce(node.op, parts[0], node.operands[0].width)
            else:
                values[node] = build.apply(node.op, *parts)
        return values

    def _depending(self) -> set[Node]:
        """Return the nodes that some wanted leaf reaches."""
        active: set[Node] = set()
        for node in self._nodes:
            if node.op == "leaf":
                reached = self._wanted(node.attribute)
            else:
                reached = any(part in active for part in node.operands)
            if node.op == "product":
                reached |= self._wanted(Source("matrix", node.attribute.index))
            if reached and node.op not in ("floor", "lt", "le", "eq"):
                active.add(node)
        return active

    def _give(self, node: Node, gradient: Node, width: int) -> None:
        """Add to the gradient of a value, one of whose users has `width` features."""
        if node not in self._active:
            return
        if node.width == 1 and width > 1:
            gradient = self._build.reduce("sum", gradient, width)
        if node.op == "slice":
            base, start = node.operands[0], node.attribute
            self._pieces.setdefault(base, []).append((start, gradient, node.width))
        else:
            self._pieces.setdefault(node, []).append((0, gradient, node.width))

    def _gradient(self, node: Node) -> Node:
        """Join what the users of a value gave, features of it or all, into one row."""
        pieces = self._pieces[node]
        edges = {0, node.width}
        for start, _, width in pieces:
            edges.update((start, start + width))
        parts, widths = [], []
        for low, high in pairwise(sorted(edges)):
            total = self._build.number(0.0)
            for start, gradient, width in pieces:
                if start <= low and high <= start + width:
                    part = self._build.slice(gradient, low - start, high - start)
                    total = self._build.apply("add", total, part)
            parts.append(total)
            widths.append(high - low)
        return self._build.cat(parts, widths)

    def _visit(self, node: Node, gradient: Node) -> None:
        if node.op == "product":
            self._visit_product(node, gradient)
        elif node.op in ("cat", "spread"):
            start = 0
            for part in node.operands:
                width = part.width if node.op == "cat" else node.width
                self._give(part, self._build.slice(gradient, start, start + width), width)
                start += width
        elif node.op not in ("leaf", "number", "slice"):
            width = max(part.width for part in node.operands)
            for part, given in self._partials(node, gradient):
                self._give(part, given, width)

    def _visit_product(self, node: Node, gradient: Node) -> None:
        if node not in self._products:
            return  # its head has seen to it
        for product in chain(node):
            left, matrix = product.operands[0], product.attribute
            if self._wanted(Source("matrix", matrix.index)):
                self._weights.append((matrix, self._values[left], gradient))
            turned = Matrix(matrix.index, not matrix.transposed)
            if left in self._active:
                back = self._build.product(gradient, turned, left.width)
                self._give(left, back, left.width)
        last = chain(node)[-1]
        if len(last.operands) == 2:
            self._give(last.operands[1], gradient, node.width)

    def _partials(self, node: Node, g: Node) -> list[tuple[Node, Node]]:  # noqa: C901  one rule an operation
        """Return each operand with the gradient that reaches it through a node."""
        build, y = self._build.apply, self._values[node]
        one, zero = self._build.number(1.0), self._build.number(0.0)
        values = [self._values[part] for part in node.operands]
        x, b = values[0], values[1] if len(values) > 1 else zero
        match node.op:
            case "neg":
                given = [build("neg", g)]
            case "exp":
                given = [build("mul", g, y)]
            case "log":
                given = [build("div", g, x)]
            case "tanh":
                given = [build("mul", g, build("sub", one, build("mul", y, y)))]
            case "sigmoid":
                given = [build("mul", g, build("mul", y, build("sub", one, y)))]
            case "sqrt":
                given = [build("div", build("mul", self._build.number(0.5), g), y)]
            case "abs":
                sign = build("sub", build("lt", zero, x), build("lt", x, zero))
                given = [build("mul", g, sign)]
            case "sin":
                given = [build("mul", g, build("cos", x))]
            case "cos":
                given = [build("neg", build("mul", g, build("sin", x)))]
            case "add":
                given = [g, g]
            case "sub":
                given = [g, build("neg", g)]
            case "mul":
                given = [build("mul", g, b), build("mul", g, x)]
            case "div":
                given = [build("div", g, b), build("neg", build("div", build("mul", g, y), b))]
            case "maximum" | "minimum":
                given = self._extremum(node.op, g, x, b)
            case "where":
                given = [zero, build("where", x, g, zero), build("where", x, zero, g)]
            case "sum":
                given = [g]
            case "amax":
                share = build("eq", x, y)
                ties = self._build.reduce("sum", share, node.operands[0].width)
                given = [build("div", build("mul", g, share), ties)]
            case _:
                given = []
        return list(zip(node.operands, given, strict=True)) if given else []

    def _extremum(self, op: str, g: Node, x: Node, b: Node) -> list[Node]:
        """Give the gradient to the operand that was taken, half to each where they are equal."""
        build = self._build.apply
        low, high = (b, x) if op == "maximum" else (x, b)
        tie = build("mul", self._build.number(0.5), build("eq", x, b))
        first = build("add", build("lt", low, high), tie)
        second = build("sub", self._build.number(1.0), first)
        return [build("mul", g, first), build("mul", g, second)]

    def _finished(self) -> Derivative:
        """Name the results, leaving products of whole sequences for afterwards."""
        results: list[Result] = []
        inputs: list[tuple[int, Matrix, Node]] = []
        for node in self._nodes:
            if node.op != "leaf" or not self._wanted(node.attribute):
                continue
            kind, index = node.attribute
            gradient = self._gradient(node) if node in self._pieces else self._build.number(0.0)
            if kind == "input" and gradient.op == "product" and len(gradient.operands) == 1:
                inputs.append((index, gradient.attribute, gradient.operands[0]))
            else:
                results.append(Result(Source(f"{kind}_gradient", index), gradient, node.width))
        found = {result.target for result in results}
        for target, _, width in self._forward.results:
            before = Source("state_gradient", target.index)
            if target.kind == "state" and self._wanted(target) and before not in found:
                results.append(Result(before, self._build.number(0.0), width))  # it is not read
        kept: dict[Node, Columns] = {}

        def columns(node: Node) -> Columns:
            # A gradient of the state has no place for each step.
            leaf = node.operands[0] if node.op == "slice" else node
            if leaf.op == "leaf" and leaf.attribute.kind == "state_gradient":
                return kept.setdefault(node, Columns(Source("kept", len(kept)), 0, node.width))
            if node.op == "leaf":
                return Columns(node.attribute, 0, node.width)
            if node.op == "slice" and node.operands[0].op == "leaf":
                return Columns(node.operands[0].attribute, node.attribute, node.width)
            return kept.setdefault(node, Columns(Source("kept", len(kept)), 0, node.width))

        weights = tuple(
            WeightGradient(matrix, columns(left), columns(gradient))
            for matrix, left, gradient in self._weights
        )
        after = tuple(
            InputGradient(index, matrix, columns(gradient)) for index, matrix, gradient in inputs
        )
        results += [Result(place.source, node, place.width) for node, place in kept.items()]
        program = simplified(Program(tuple(results)))
        return Derivative(program, tuple(self._products), weights, after)
