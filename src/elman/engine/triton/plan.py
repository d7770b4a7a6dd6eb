"""What is launched for a program, forward and backward."""

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import NamedTuple

from elman.engine.compiler.derivative import (
    Columns,
    Derivative,
    InputGradient,
    WeightGradient,
    derivative,
    heads,
)
from elman.engine.compiler.program import Node, Program, Result, Source
from elman.engine.compiler.saving import saving
from elman.engine.triton.kernel import Kernel, Setting
from elman.engine.triton.loop import loop_kernel
from elman.engine.triton.stages import Multiply, Place, Stage, Stages, in_memory, staged
from elman.engine.triton.tiles import Home


@dataclass(frozen=True, eq=False)
class Plan:
    """A program laid out for a GPU, in one of two forms.

    Attributes:
        before: products of the inputs, done for all steps before the first.
        loop: one kernel for all steps, if it fits.
        stages: else kernels and products for each step; none otherwise.
        widths: features of the buffers that the results go to.
        kept: those of them that the backward pass reads.
    """

    before: tuple[Multiply, ...]
    loop: Kernel | None
    stages: tuple[Stage, ...]
    widths: dict[Source, int]
    kept: frozenset[Source]


class Plans(NamedTuple):
    """What is launched forward, and backward with the products left for afterwards."""

    forward: Plan
    backward: Plan
    weights: tuple[WeightGradient, ...]
    inputs: tuple[InputGradient, ...]


@lru_cache(maxsize=256)
def inference_plan(program: Program, setting: Setting) -> Plan:
    """Plan a program of which no gradient is wanted.

    Args:
        program: a cell's program.
        setting: what the kernels are written for.

    Returns:
        The plan.
    """
    return _plan(*_hoisted(program), setting, {})


@lru_cache(maxsize=256)
def training_plans(program: Program, setting: Setting, wanted: frozenset[Source]) -> Plans:
    """Plan a program and its derivative.

    Args:
        program: a cell's program.
        setting: what the forward kernels are written for.
        wanted: the leaves whose gradients are needed.

    Returns:
        The plans.
    """
    training = saving(program)  # reductions are cheap there: a tile holds whole rows
    back = _completed(derivative(training, wanted.__contains__), program)
    read = {node.attribute for node in back.program.nodes() if node.op == "leaf"}
    read |= {columns.source for weight in back.weights for columns in weight[1:]}
    read |= {given.gradient.source for given in back.inputs}
    products = [
        Result(Source("product", number), node, node.width)
        for number, node in enumerate(_saved(training))
        if Source("product", number) in read
    ]
    hoisted, before = _hoisted(Program((*program.results, *products)))
    homes = {
        target: Home(node.attribute)
        for target, node, _ in hoisted.results
        if target.kind == "product" and node.op == "leaf"
    }
    results = tuple(result for result in hoisted.results if result.target not in homes)
    forward = _plan(Program(results), before, setting, {})
    hoists = {home.source for home in homes.values()}
    forward = replace(forward, kept=forward.kept | hoists)
    backward = _plan(back.program, (), replace(setting, backward=True), homes)

    def moved(columns: Columns) -> Columns:
        home = homes.get(columns.source, Home(columns.source))
        return columns._replace(source=home.source)

    weights = [w._replace(left=moved(w.left), gradient=moved(w.gradient)) for w in back.weights]
    inputs = [given._replace(gradient=moved(given.gradient)) for given in back.inputs]
    return Plans(forward, backward, tuple(weights), tuple(inputs))


def _plan(
    program: Program, before: tuple[Multiply, ...], setting: Setting, homes: dict[Source, Home]
) -> Plan:
    widths = {target: width for target, _, width in program.results}
    widths |= {product.result.source: product.result.width for product in before}
    loop, stages = loop_kernel(program, setting, homes), Stages((), {})
    if loop is None:
        stages = staged(program, setting, homes)
    kept = {target for target in widths if target.kind in ("state", "product")}
    return Plan(before, loop, stages.stages, widths | stages.widths, frozenset(kept))


def _saved(program: Program) -> list[Node]:
    """Return what the derivative reads in the place of each product."""
    places = []
    for number, product in enumerate(heads(program.nodes())):
        saved = {start: node for node, place, start in program.saved if place == number}
        parts, stop = [], 0
        for start in [*sorted(saved), product.width]:
            if start > stop:
                parts.append(Node("slice", (product,), start - stop, stop))
            if start in saved:
                parts.append(saved[start])
                stop = start + saved[start].width
        places.append(Node("cat", tuple(parts), product.width) if saved else product)
    return places


def _completed(back: Derivative, program: Program) -> Derivative:
    """Add what one step can do without but not a sequence.

    These are the gradients of states that the step does not read, and copies of the carried
    gradients that a product over all steps reads.
    """
    results = {result.target: result for result in back.program.results}
    zero = Node("number", (), 1, 0.0)
    leaves = {node.attribute: node for node in back.program.nodes() if node.op == "leaf"}
    for target, _, width in program.results:
        if target.kind == "state":
            source = Source("state_gradient", target.index)
            results.setdefault(source, Result(source, zero, width))
            leaves.setdefault(source, Node("leaf", (), width, source))
    copies: dict[Source, Source] = {}

    def copied(columns: Columns) -> Columns:
        source = columns.source
        if source.kind != "state_gradient":
            return columns
        if source not in copies:
            number = sum(target.kind == "kept" for target in results)
            copies[source] = Source("kept", number)
            leaf = leaves[source]
            results[copies[source]] = Result(copies[source], leaf, leaf.width)
        return columns._replace(source=copies[source])

    weights = tuple(given._replace(gradient=copied(given.gradient)) for given in back.weights)
    inputs = tuple(given._replace(gradient=copied(given.gradient)) for given in back.inputs)
    return Derivative(Program(tuple(results.values())), back.products, weights, inputs)


def _hoisted(program: Program) -> tuple[Program, tuple[Multiply, ...]]:
    """Take the products of inputs alone out of a program."""
    new: dict[Node, Node] = {}
    before: list[Multiply] = []
    for node in program.nodes():
        parts = tuple(new[part] for part in node.operands)
        if node.op == "product" and all(map(_known, parts)) and not _is_vector(parts[0]):
            source = Source("hoisted", len(before))
            addend = _place(parts[1]) if len(parts) == 2 else None
            result = Place(source, 0, node.width)
            before.append(Multiply(_place(parts[0]), node.attribute, addend, result))
            new[node] = Node("leaf", (), node.width, source)
        elif node.operands:
            new[node] = Node(node.op, parts, node.width, node.attribute)
        else:
            new[node] = node
    results = (Result(target, new[node], width) for target, node, width in program.results)
    return Program(tuple(results)), tuple(before)


def _known(node: Node) -> bool:
    """Say whether a row lies in memory for all steps before the first."""
    leaf = node.operands[0] if node.op == "slice" else node
    return in_memory(node) and leaf.attribute.kind in ("input", "vector", "hoisted")


def _is_vector(node: Node) -> bool:
    leaf = node.operands[0] if node.op == "slice" else node
    return leaf.attribute.kind == "vector"


def _place(node: Node) -> Place:
    leaf, start = (node.operands[0], node.attribute) if node.op == "slice" else (node, 0)
    return Place(leaf.attribute, start, node.width)
