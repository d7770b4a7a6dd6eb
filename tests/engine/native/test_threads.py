"""Native code on several threads: shares, barriers, Python threads beside each other, forks."""

import os
import subprocess
import sys
import textwrap
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from llvmlite import ir

from elman.engine.native import threads as module_under_test
from elman.engine.native.emission import INTEGER, POINTER, counted, function, integer
from elman.engine.native.target import Library, compile_module
from elman.engine.native.threads import (
    HEADER_WORDS,
    emit_barrier,
    emit_entry,
    header,
    parallel,
)

POOLED = pytest.mark.skipif(header(2)[0] == 1, reason="torch runs on no OpenMP pool known here")
ROUNDS, COUNTER, PLACES = 8, 16, 24  # words of the data
THREADS = 8


def compile_library():
    """`who`: each thread writes its number and their count. `rounds`: see `emit_rounds`."""
    module = ir.Module()
    made, builder = function(module, "write", POINTER, INTEGER, INTEGER)
    data, thread, threads = made.args
    place = builder.add(integer(PLACES), builder.mul(thread, integer(2)))
    for value in (thread, threads):
        builder.store(value, builder.gep(data, [place], source_etype=INTEGER))
        place = builder.add(place, integer(1))
    builder.ret_void()
    emit_entry(module, made, "who")
    emit_entry(module, emit_rounds(module), "rounds")
    return Library.from_object(compile_module(module))


@pytest.fixture(scope="module")
def library():
    return compile_library()


def emit_rounds(module):
    """Each thread adds, in every round, its neighbour's number to its own; then all wait twice.

    Without the barriers a thread would read a number from before or after its round.
    """
    barrier = emit_barrier(module)
    made, builder = function(module, "add_neighbours", POINTER, INTEGER, INTEGER)
    data, thread, threads = made.args

    def at(position):
        return builder.gep(data, [position], source_etype=INTEGER)

    following = builder.urem(builder.add(thread, integer(1)), threads)
    own, neighbour = (at(builder.add(integer(PLACES), one)) for one in (thread, following))
    rounds = builder.load(at(integer(ROUNDS)), typ=INTEGER)
    with counted(builder, integer(0), rounds):
        value = builder.load(neighbour, typ=INTEGER)
        builder.call(barrier, [at(integer(COUNTER)), threads])
        mine = builder.load(own, typ=INTEGER)
        builder.store(builder.xor(builder.mul(mine, integer(3)), value), own)
        builder.call(barrier, [at(integer(COUNTER)), threads])
    builder.ret_void()
    return made


def data(threads, rounds=0):
    words = np.full(PLACES + 2 * THREADS, -1, dtype=np.int64)
    words[:HEADER_WORDS] = header(threads)
    words[[ROUNDS, COUNTER]] = rounds, 0
    return words


def rounds_of(threads, rounds):
    values = [number + 1 for number in range(threads)]
    mask = 2**64 - 1
    for _ in range(rounds):
        values = [
            (3 * value & mask) ^ values[(number + 1) % threads]
            for number, value in enumerate(values)
        ]
    return np.array(values, dtype=np.uint64).astype(np.int64).tolist()


def run_rounds(library, threads, rounds):
    words = data(threads, rounds)
    words[PLACES : PLACES + threads] = range(1, threads + 1)
    parallel(library.address("rounds"), words.ctypes.data, threads)
    return words[PLACES : PLACES + threads].tolist()


@pytest.mark.parametrize(
    "threads", [1, pytest.param(2, marks=POOLED), pytest.param(5, marks=POOLED)]
)
def test_every_thread_runs_once_and_knows_its_number(library, threads):
    for _ in range(20):
        words = data(threads)
        parallel(library.address("who"), words.ctypes.data, threads)
        pairs = words[PLACES:].reshape(-1, 2)[:threads].tolist()
        assert pairs == [[number, threads] for number in range(threads)]
        assert (words[PLACES + 2 * threads :] == -1).all()


def test_one_thread_needs_no_pool():
    assert header(1) == (1, 0, 0)


@pytest.mark.parametrize(("threads", "rounds"), [(1, 50), (2, 300), (3, 30)])
def test_barriers_keep_rounds_apart(library, threads, rounds):
    if header(threads)[0] == threads:
        assert run_rounds(library, threads, rounds) == rounds_of(threads, rounds)


@POOLED
def test_python_threads_call_at_the_same_time(library):
    expected = rounds_of(2, 50)
    with ThreadPoolExecutor(3) as pool:
        results = pool.map(lambda _: run_rounds(library, 2, 50), range(6))
        assert all(result == expected for result in results)


@POOLED
@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
def test_a_smaller_pool_than_asked_and_a_forked_process_do_all_the_work():
    """A worker is told how many threads really run; a hang would hold up no other test."""
    program = """
        import os, sys
        sys.path.insert(0, sys.argv[1])
        import test_threads as t
        library = t.compile_library()

        def threads_run(asked):
            words = t.data(asked)
            t.parallel(library.address("who"), words.ctypes.data, asked)
            return words[t.PLACES : t.PLACES + 6].tolist()

        assert threads_run(4) == [0, 2, 1, 2, -1, -1]
        child = os.fork()
        if child == 0:
            good = threads_run(2) == [0, 1, -1, -1, -1, -1]
            os._exit(0 if good and t.run_rounds(library, 1, 5) == t.rounds_of(1, 5) else 1)
        assert os.waitpid(child, 0)[1] == 0
        assert threads_run(2) == [0, 2, 1, 2, -1, -1]
    """
    subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program), os.path.dirname(__file__)],
        check=True,
        timeout=60,
        env={**os.environ, "OMP_THREAD_LIMIT": "2"},
    )


def test_without_a_pool_one_thread_does_all(library, monkeypatch):
    monkeypatch.setattr(module_under_test, "_pool", lambda: None)
    assert header(4) == (1, 0, 0)
    words = data(4)
    parallel(library.address("who"), words.ctypes.data, 4)
    assert words[PLACES:].tolist()[:4] == [0, 1, -1, -1]
