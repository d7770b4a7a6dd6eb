"""A step in stages: kernels for rows, and between them products that torch computes."""

from typing import NamedTuple

from elman.engine.compiler.derivative import chain, heads
from elman.engine.compiler.program import Matrix, Node, Program, Result, Source
from elman.engine.triton.kernel import Kernel, Setting
from elman.engine.triton.split import split
from elman.engine.triton.tiles import Home, Tiles


class Place(NamedTuple):
    """Some features of a buffer, and how many steps ahead."""

    source: Source
    start: int
    width: int
    ahead: int = 0


class Multiply(NamedTuple):
    """A product of rows in memory: `result = addend + left M`."""

    left: Place
    matrix: Matrix
    addend: Place | None
    result: Place


class Stage(NamedTuple):
    """A kernel, if there is anything for it to do, and the products after it."""

    kernel: Kernel | None
    products: tuple[Multiply, ...]


class Stages(NamedTuple):
    """A step in stages.

    Attributes:
        stages: in the order of execution.
        widths: features of the buffers that only the step itself uses.
    """

    stages: tuple[Stage, ...]
    widths: dict[Source, int]


def staged(program: Program, setting: Setting, homes: dict[Source, Home]) -> Stages:
    """Write a program as kernels between products.

    Args:
        program: what a step computes; each carried row is among its results.
        setting: what the kernels are written for.
        homes: where leaves lie that do not lie where their source says.

    Returns:
        The stages.
    """
    return _Stager(program, setting, homes).stages()


class _Stager:
    def __init__(self, program: Program, setting: Setting, homes: dict[Source, Home]) -> None:
        self._setting = setting
        self._homes = dict(homes)
        self._nodes = program.nodes()
        self._level: dict[Node, int] = {}
        self._rows: dict[Node, Node] = {}  # the nodes, with products read from memory
        self._widths: dict[Source, int] = {}
        self._number()
        self._direct = self._results_of_products(program.results)
        self._results = [result for result in program.results if result not in self._direct]
        self._lefts: dict[Node, Place] = {}

    def stages(self) -> Stages:
        """Return the stages."""
        levels = range(max([0, *self._level.values()]) + 1)
        products = {level: self._products(level + 1) for level in levels}
        stages = [Stage(self._kernel(level), products[level]) for level in levels]
        return Stages(tuple(stages), self._widths)

    def _number(self) -> None:
        """Find out after how many rounds of products each value is known."""
        numbers = {
            part: number for number, head in enumerate(heads(self._nodes)) for part in chain(head)
        }
        for node in self._nodes:
            level = max([0, *(self._level[part] for part in node.operands)])
            if node.op == "product":
                level = max(level, self._level[node.operands[0]] + 1)
                source = Source("partial", numbers[node])
                self._widths[source] = node.width
                self._rows[node] = Node("leaf", (), node.width, source)
            else:
                parts = tuple(self._rows[part] for part in node.operands)
                self._rows[node] = Node(node.op, parts, node.width, node.attribute)
            self._level[node] = level

    def _results_of_products(self, results: tuple[Result, ...]) -> list[Result]:
        """Let products be written straight to where they are results."""
        direct = []
        for result in results:
            target, node, width = result
            masked = self._is_masked(target) or target.kind == "vector_gradient"
            if node.op != "product" or width != node.width or masked:
                continue
            source = self._rows[node].attribute
            if source not in self._homes:
                carried = target.kind == self._setting.carried
                self._homes[source] = Home(target, self._setting.after if carried else 0)
                del self._widths[source]
                direct.append(result)
        return direct

    def _is_masked(self, source: Source) -> bool:
        """Say whether rows that sit out the step, or start afresh, see something else there."""
        if source.kind == self._setting.carried:
            return self._setting.ragged or self._setting.resets
        return source.kind == "output" and self._setting.ragged

    def _products(self, level: int) -> tuple[Multiply, ...]:
        found = []
        for node in self._nodes:
            if node.op == "product" and self._level[node] == level:
                addend = self._place(node.operands[1]) if len(node.operands) == 2 else None
                left, result = self._place(node.operands[0]), self._place(node)
                found.append(Multiply(left, node.attribute, addend, result))
        return tuple(found)

    def _place(self, node: Node) -> Place:
        """Return where a value can be read, having it written there if need be."""
        row = self._rows[node]
        if in_memory(row):
            leaf, start = (row, 0) if row.op == "leaf" else (row.operands[0], row.attribute)
            carried = leaf.attribute.kind == self._setting.carried
            if not (carried and self._setting.backward and self._setting.ragged):
                ahead = self._setting.before if carried else 0
                home = self._homes.get(leaf.attribute, Home(leaf.attribute, ahead))
                return Place(home.source, start, node.width, home.ahead)
        if node not in self._lefts:
            self._lefts[node] = self._written(node)
        return self._lefts[node]

    def _written(self, node: Node) -> Place:
        for target, value, width in self._results:
            usable = target.kind != "vector_gradient" and not self._is_masked(target)
            if value is node and width == node.width and usable:
                carried = target.kind == self._setting.carried
                return Place(target, 0, width, self._setting.after if carried else 0)
        number = sum(source.kind == "left" for source in self._widths)
        source = Source("left", number)
        self._widths[source] = node.width
        self._results.append(Result(source, node, node.width))
        return Place(source, 0, node.width)

    def _kernel(self, level: int) -> Kernel | None:
        results = [result for result in self._results if self._level[result.node] == level]
        if not results:
            return None
        results = [Result(target, self._rows[node], width) for target, node, width in results]
        program = split(Program(tuple(results)))
        tiles = Tiles(self._setting, loop=False, homes=self._homes)
        tiles.compute(program.nodes())
        tiles.finish(program.results)
        return tiles.writer.kernel()


def in_memory(node: Node) -> bool:
    """Say whether a value can be read where it lies.

    Args:
        node: the value.

    Returns:
        True for a leaf and for some of its features.
    """
    return node.op == "leaf" or (node.op == "slice" and node.operands[0].op == "leaf")
