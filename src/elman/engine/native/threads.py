"""Native code on torch's own OpenMP threads.

Threads of Python's would fight with torch's, whose idle workers spin on the other cores; torch's
own pool starts and joins in about two microseconds.

The data that generated code is called with begins with a header of `HEADER_WORDS` 64-bit words,
made by `header`:

    0  the number of threads asked for
    1  the address of omp_get_thread_num
    2  the address of omp_get_num_threads

The addresses travel in the data, never in the code, so that compiled code can be kept on disk.
The function that `emit_entry` adds reads the header and calls the worker with its number and the
number of threads there really are, which OpenMP may make smaller than asked.
"""

import ctypes
import os
import platform
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

import torch

if TYPE_CHECKING:
    from llvmlite import ir

HEADER_WORDS = 3
"""64-bit words at the start of the data that belong to the thread header."""

_SPINS_BEFORE_YIELD = 20_000

# After a fork the pool's threads are gone, and starting it again waits for them for ever.
_forked = False


class _Pool(NamedTuple):
    """The functions of the OpenMP library that torch runs on."""

    fork: Any
    start: int
    thread_number: int
    thread_count: int


def available() -> int:
    """Give the threads that native code may use: torch's, or one where there is no pool."""
    return 1 if _forked or _pool() is None else torch.get_num_threads()


def pool_start() -> int:
    """Give the address of `GOMP_parallel`; 0 where there is no pool."""
    pool = _pool()
    return 0 if pool is None else pool.start


def header(threads: int) -> tuple[int, int, int]:
    """Give the words that the data of generated code begins with.

    Args:
        threads: how many threads the call is for, at least 1.

    Returns:
        The `HEADER_WORDS` words, for one thread if there is no pool to run more.
    """
    pool = _pool()
    if threads == 1 or pool is None:
        return 1, 0, 0
    return threads, pool.thread_number, pool.thread_count


def parallel(function: int, data: "int | ctypes.Array[Any]", threads: int) -> None:
    """Call native code on several threads and wait for all of them.

    The lock of the interpreter is released meanwhile. Python threads may call this at the same
    time, each with data of its own: each has its own pool. In a forked process, and where torch
    runs on no OpenMP library known here, one thread does all the work.

    Args:
        function: the address of a native function `void f(i8* data)` made by `emit_entry`.
        data: the address it is called with, where the header stands; or what lies there.
        threads: how many threads run it; what `header` was given.
    """
    pool = None if threads == 1 or _forked else _pool()
    if pool is None:
        _FUNCTION(function)(data)
    else:
        pool.fork(function, data, threads)


def emit_entry(module: "ir.Module", worker: "ir.Function", name: str = "entry") -> "ir.Function":
    """Add the function that `parallel` calls on each thread.

    Args:
        module: where to add it.
        worker: `void worker(i8* data, i64 thread, i64 threads)`, which does the share of
            `thread` in the work of `threads`, for any number of them.
        name: the name of the new function.

    Returns:
        `void name(i8* data)`.
    """
    from llvmlite import ir

    byte, word, integer = ir.IntType(8), ir.IntType(64), ir.IntType(32)
    function = ir.Function(module, ir.FunctionType(ir.VoidType(), [byte.as_pointer()]), name)
    function.attributes.add("nounwind")
    (data,) = function.args
    builder = ir.IRBuilder(function.append_basic_block())
    words = builder.bitcast(data, word.as_pointer())
    asked, *addresses = (
        builder.load(builder.gep(words, [word(position)])) for position in range(HEADER_WORDS)
    )
    with builder.if_else(builder.icmp_signed("==", asked, word(1))) as (alone, together):
        with alone:
            builder.call(worker, [data, word(0), word(1)])
        with together:
            query = ir.FunctionType(integer, []).as_pointer()
            thread, threads = (
                builder.zext(builder.call(builder.inttoptr(address, query), []), word)
                for address in addresses
            )
            builder.call(worker, [data, thread, threads])
    builder.ret_void()
    return function


def emit_barrier(module: "ir.Module") -> "ir.Function":
    """Add a barrier: every thread waits in it until all have come.

    A thread takes a ticket and waits until the counter has reached the end of its round. The
    counter only grows, so that nobody has to set it back between two rounds; it starts at zero
    whenever the number of threads may have changed, at best before each `parallel`. After some
    20,000 looks a waiting thread lets others have the processor.

    Args:
        module: where to add it.

    Returns:
        `void barrier(i64* counter, i64 threads)`. What a thread wrote before the barrier is
        seen by all threads behind it. Nothing else may share the counter's cache line.
    """
    from llvmlite import ir

    word, nothing = ir.IntType(64), ir.VoidType()
    signature = ir.FunctionType(nothing, [word.as_pointer(), word])
    function = ir.Function(module, signature, "barrier")
    function.attributes.add("nounwind")
    counter, threads = function.args
    start, spin, rest, wait, end = (
        function.append_basic_block(name) for name in ("start", "spin", "rest", "wait", "end")
    )
    builder = ir.IRBuilder(start)
    ticket = builder.atomic_rmw("add", counter, word(1), "acq_rel")
    round_number = builder.add(builder.udiv(ticket, threads), word(1))
    target = builder.mul(round_number, threads)
    builder.branch(spin)

    builder.position_at_end(spin)
    spins = builder.phi(word)
    arrived = builder.load_atomic(counter, "acquire", 8)
    looks = builder.add(spins, word(1))
    patient = builder.icmp_unsigned("<", looks, word(_SPINS_BEFORE_YIELD))
    builder.cbranch(builder.icmp_unsigned(">=", arrived, target), end, wait)

    builder.position_at_end(wait)
    _emit_pause(builder)
    builder.cbranch(patient, spin, rest)

    builder.position_at_end(rest)
    give_way = "SwitchToThread" if os.name == "nt" else "sched_yield"
    builder.call(ir.Function(module, ir.FunctionType(ir.IntType(32), []), give_way), [])
    builder.branch(spin)

    spins.add_incoming(word(0), start)
    spins.add_incoming(looks, wait)
    spins.add_incoming(looks, rest)
    builder.position_at_end(end)
    builder.ret_void()
    return function


def _emit_pause(builder: "ir.IRBuilder") -> None:
    """Tell the processor that this is a waiting loop, where it has an instruction for that."""
    from llvmlite import ir

    machine = platform.machine().lower()
    if machine in ("x86_64", "amd64"):
        pause = builder.module.declare_intrinsic(
            "llvm.x86.sse2.pause", (), ir.FunctionType(ir.VoidType(), [])
        )
        builder.call(pause, [])
    elif machine in ("arm64", "aarch64"):
        hint = builder.module.declare_intrinsic(
            "llvm.aarch64.hint", (), ir.FunctionType(ir.VoidType(), [ir.IntType(32)])
        )
        builder.call(hint, [ir.Constant(ir.IntType(32), 1)])


_FUNCTION = ctypes.CFUNCTYPE(None, ctypes.c_void_p)


@cache
def _pool() -> _Pool | None:
    """Find the OpenMP library that torch is linked with, wherever it is and whatever its name."""
    try:
        # A name that a library does not have is looked up in the libraries it needs; not so on
        # Windows, where nothing is found.
        library = ctypes.CDLL(torch._C.__file__)
        start = library.GOMP_parallel
        addresses = [
            ctypes.cast(function, ctypes.c_void_p).value or 0
            for function in (start, library.omp_get_thread_num, library.omp_get_num_threads)
        ]
    except (OSError, AttributeError):
        return None
    start.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_uint, ctypes.c_uint]
    start.restype = None
    return _Pool(lambda function, data, threads: start(function, data, threads, 0), *addresses)


def _note_fork() -> None:
    global _forked
    _forked = True


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_note_fork)
