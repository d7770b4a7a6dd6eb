"""Generated code that runs the jobs of a plan, and calls that are made again and again."""

from typing import Any

from llvmlite import ir

from elman.engine.native.arguments import REPEAT_WORDS
from elman.engine.native.emission import (
    BOOLEAN,
    INTEGER,
    POINTER,
    VOID,
    counted,
    function,
    integer,
    intrinsic,
)
from elman.engine.native.plan import HEAD, MEMORY, SCRATCH, WORDS


def emit_launch(module: Any) -> Any:
    """Emit `launch(plan, bases)`, which writes the words of a plan and runs its jobs.

    Args:
        module: where to emit.

    Returns:
        The function.
    """
    added, builder = function(module, "launch", POINTER, POINTER)
    plan, bases = added.args

    def at(pointer: Any, index: Any) -> Any:
        return builder.gep(pointer, [index], source_etype=INTEGER)

    def load(pointer: Any, index: Any) -> Any:
        return builder.load(at(pointer, index), typ=INTEGER)

    count, addresses, jobs, start, home, scratch = (
        load(plan, integer(number)) for number in range(len(HEAD))
    )
    memory = load(bases, integer(MEMORY))
    place = builder.add(memory, home)
    builder.store(place, at(bases, integer(WORDS)))
    builder.store(builder.add(memory, scratch), at(bases, integer(SCRATCH)))
    words = builder.inttoptr(place, POINTER)
    template = at(plan, integer(len(HEAD)))
    with counted(builder, integer(0), count) as index:
        builder.store(load(template, index), at(words, index))
    table = at(template, count)
    with counted(builder, integer(0), addresses) as index:
        entry = at(table, builder.mul(index, integer(3)))
        position, base, distance = (load(entry, integer(number)) for number in range(3))
        builder.store(builder.add(load(bases, base), distance), at(words, position))
    table = at(table, builder.mul(addresses, integer(3)))
    with counted(builder, integer(0), jobs) as index:
        entry = at(table, builder.mul(index, integer(3)))
        job, position, threads = (load(entry, integer(number)) for number in range(3))
        _emit_job(builder, start, job, at(words, position), threads)
    builder.ret_void()
    return added


def emit_repeat(module: Any) -> Any:
    """Emit `repeat(call)`, which makes a call once more; its words are `REPEAT_WORDS`.

    Args:
        module: where to emit.

    Returns:
        The function.
    """
    added, builder = function(module, "repeat", POINTER)
    words = {}
    for position, name in enumerate(REPEAT_WORDS):
        place = builder.gep(added.args[0], [integer(position)], source_etype=INTEGER)
        words[name] = builder.load(place, typ=INTEGER)
    pointers = {
        name: builder.inttoptr(words[name], POINTER)
        for name in ("data", "counter", "source", "target")
    }
    builder.store(integer(0), pointers["counter"])
    _emit_job(builder, words["start"], words["entry"], pointers["data"], words["threads"])
    copy = intrinsic(module, "llvm.memcpy.p0.p0.i64", VOID, POINTER, POINTER, INTEGER, BOOLEAN)
    moved = pointers["target"], pointers["source"], words["bytes"]
    builder.call(copy, [*moved, ir.Constant(BOOLEAN, 0)])
    builder.ret_void()
    return added


def _emit_job(builder: Any, start: Any, job: Any, data: Any, threads: Any) -> None:
    narrow = ir.IntType(32)
    alone = ir.FunctionType(VOID, (POINTER,)).as_pointer()
    together = ir.FunctionType(VOID, (POINTER, POINTER, narrow, narrow)).as_pointer()
    is_alone = builder.icmp_signed("==", threads, integer(1))
    with builder.if_else(is_alone) as (one, several):
        with one:
            builder.call(builder.inttoptr(job, alone), [data])
        with several:
            count = builder.trunc(threads, narrow)
            arguments = [builder.inttoptr(job, POINTER), data, count, ir.Constant(narrow, 0)]
            builder.call(builder.inttoptr(start, together), arguments)
