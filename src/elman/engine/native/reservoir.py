"""Native code of leaky units with a fixed recurrence, run over time.

A unit reads its few entries of W all over the state. For one row of a batch, a vector holds as
many units as it can, whose reads are gathered. For many rows, it holds rows of one unit, which lie
side by side in the state, so that a read is one load.

Units stand in blocks of a vector. The last block overlaps the one before where they do not come
out even, and missing rows repeat the last one: what is done twice gives the same bits twice.
"""

from dataclasses import replace
from functools import cache
from typing import Any, Literal, NamedTuple

from elman.engine.native.cache import compiled_object
from elman.engine.native.target import Host, Library, compile_module, host
from elman.engine.native.threads import HEADER_WORDS

ARRAYS = ("columns", "values", "scale", "leak", "drive", "weights", "outputs", "state")
"""The addresses in the argument of a call."""

WORDS = (
    *("barrier", "begin", "steps", "rows", "groups", "units", "blocks", "entries", "features"),
    *ARRAYS,
)
"""What stands behind the header in the argument of a call."""


class Kind(NamedTuple):
    """What a code is made for.

    Attributes:
        double: whether all numbers are float64, not float32.
        lanes: numbers of a vector.
        rows_together: whether a vector holds rows of one unit, not units of one row.
        index_bits: bits of the place of what is read; 0 where each unit reads every unit.
        squashed: whether units pass through the hyperbolic tangent.
        fused: whether the drive is inputs, multiplied here; it is their product otherwise.
    """

    double: bool
    lanes: int
    rows_together: bool
    index_bits: Literal[0, 16, 32]
    squashed: bool
    fused: bool


class Code(NamedTuple):
    """A loaded code.

    Attributes:
        library: keeps it in memory.
        entry: its address.
    """

    library: Library
    entry: int


def lanes(*, double: bool) -> int:
    """Return how many numbers a vector holds.

    Args:
        double: whether they are float64, not float32.

    Returns:
        The number.
    """
    return host().lanes // (2 if double else 1)


@cache
def reservoir_code(kind: Kind) -> Code:
    """Return a code, compiled if it is not on disk.

    Args:
        kind: what it is made for.

    Returns:
        The code.
    """
    target = host()
    code = compiled_object(
        f"reservoir {kind}", lambda: compile_module(emit(kind, target), target), target
    )
    library = Library.from_object(code)
    return Code(library, library.address("entry"))


def emit(kind: Kind, target: Host) -> Any:
    """Emit a code.

    Args:
        kind: what it is made for.
        target: the processor.

    Returns:
        A module whose function `entry` takes the header and the words.
    """
    from llvmlite import ir

    from elman.engine.native.emission import INTEGER, POINTER, function, integer
    from elman.engine.native.reservoir_blocks import RowBlock, UnitBlock
    from elman.engine.native.threads import emit_barrier, emit_entry

    module = ir.Module("reservoir")
    barrier = emit_barrier(module)
    worker, builder = function(module, "worker", POINTER, INTEGER, INTEGER)
    words = {}
    for number, name in enumerate(WORDS, start=HEADER_WORDS):
        address = builder.gep(worker.args[0], [integer(number)], source_etype=INTEGER)
        words[name] = builder.load(address, typ=INTEGER)
    target = replace(target, lanes=kind.lanes * (2 if kind.double else 1))
    block = (RowBlock if kind.rows_together else UnitBlock)(builder, kind, target, words)
    _emit_loops(builder, words, block, barrier, worker.args[1:])
    emit_entry(module, worker)
    return module


def _emit_loops(builder: Any, words: Any, block: Any, barrier: Any, threads: Any) -> None:
    """Emit the loops over this thread's groups, all steps, and its blocks of units."""
    from elman.engine.native.emission import POINTER, counted, integer

    thread, count = threads
    none, one = integer(0), integer(1)
    # Threads take groups; where these are too few, each takes some units of every group.
    shared = builder.icmp_signed("<", words["groups"], count)

    def share(number: Any, part: Any) -> Any:
        return builder.udiv(builder.mul(number, part), count)

    ends = []
    for part, all_of in ((thread, dict.fromkeys(words, none)), (builder.add(thread, one), words)):
        groups = builder.select(shared, all_of["groups"], share(words["groups"], part))
        blocks = builder.select(shared, share(words["blocks"], part), all_of["blocks"])
        ends.append((groups, blocks))
    (first_group, first_block), (last_group, last_block) = ends
    with counted(builder, first_group, last_group) as group:
        block.enter(group)
        with counted(builder, none, words["steps"]) as step:
            block.begin(group, step)
            several = builder.srem(builder.sub(last_block, first_block), integer(block.together))
            whole = builder.sub(last_block, several)
            with counted(builder, first_block, whole, block.together) as number:
                block.emit([builder.add(number, integer(each)) for each in range(block.together)])
            if block.together > 1:
                with counted(builder, whole, last_block) as number:
                    block.emit([number])
            with builder.if_then(shared):
                counter = builder.inttoptr(words["barrier"], POINTER)
                builder.call(barrier, [counter, count])
    builder.ret_void()
