"""A whole sequence in one launch: the time loop is in the kernel."""

from elman.engine.compiler.program import Program, Source
from elman.engine.triton.kernel import Kernel, Setting
from elman.engine.triton.split import split
from elman.engine.triton.tiles import Home, Tiles

ROWS = 16
"""Rows of the batch that one program instance works on; not every Triton's `tl.dot` takes fewer."""
READ_AGAIN = 2**17
"""Numbers in tiles of weights from which reading them at each step takes longer than a step made
of several launches, which all of the chip works on."""
WIDEST = 128
"""Features of the widest tile whose numbers fit in the registers of one program instance."""

_SPARE = 8192  # bytes in which sums over features and changes of layout are done


def loop_kernel(program: Program, setting: Setting, homes: dict[Source, Home]) -> Kernel | None:
    """Write a program as one kernel for all steps.

    Args:
        program: what a step computes; each carried row is among its results.
        setting: what the kernel is written for.
        homes: where leaves lie that do not lie where their source says.

    Returns:
        A kernel that holds the weights on the chip if they fit, else one that reads them again at
        each step; None if other tiles would not fit either, or it would be slow.
    """
    program = split(program)
    kernel = _written(program, setting, homes, held=True)
    if kernel.widest > WIDEST:
        return None
    if _bytes(kernel, setting) <= setting.memory:
        return kernel
    if kernel.weights > READ_AGAIN:
        return None
    return _written(program, setting, homes, held=False)


def _bytes(kernel: Kernel, setting: Setting) -> int:
    """Return the fast memory that a kernel fills which holds its weights."""
    size = 8 if setting.double else 4
    parts = 2 if setting.precision == "tf32x3" else 1  # a number is the sum of two
    return size * parts * (kernel.weights + ROWS * kernel.lefts) + _SPARE


def _written(
    program: Program, setting: Setting, homes: dict[Source, Home], *, held: bool
) -> Kernel:
    nodes = program.nodes()
    tiles = Tiles(setting, loop=True, homes=homes, held=held)
    carried = [result for result in program.results if result.target.kind == setting.carried]
    leaves = [node for node in nodes if node.op == "leaf"]
    cut = {leaf.attribute.source for leaf in leaves if leaf.width < leaf.attribute.features}
    for result in carried:
        if result.target not in cut and result.node.op != "cat":
            tiles.hold(result)
    tiles.compute(nodes)
    tiles.finish(program.results)
    return tiles.writer.kernel()
