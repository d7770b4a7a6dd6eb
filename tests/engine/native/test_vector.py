"""Vector code of every width against float64 NumPy."""

import ctypes
import math
import mmap
import os

import numpy as np
import pytest
from llvmlite import ir

from elman.engine.compiler.program import BINARY, POINTWISE, UNARY
from elman.engine.native import target
from elman.engine.native.emission import FLOAT, INTEGER, POINTER, counted, function, integer
from elman.engine.native.vector import VectorBuilder

REFERENCE = {
    "neg": np.negative,
    "exp": np.exp,
    "log": np.log,
    "tanh": np.tanh,
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "sqrt": np.sqrt,
    "abs": np.abs,
    "floor": np.floor,
    "sin": np.sin,
    "cos": np.cos,
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "div": np.divide,
    "maximum": np.maximum,
    "minimum": np.minimum,
    "lt": np.less,
    "le": np.less_equal,
    "eq": np.equal,
    "where": lambda c, a, b: np.where(c != 0, a, b),
    "fma": lambda a, b, c: a * b + c,
}
# Units in the last place; what is not here is rounded once.
ALLOWED = {"exp": 1.5, "log": 1.0, "tanh": 3.0, "sigmoid": 3.0, "sin": 2.0, "cos": 2.0}
SMALLEST_NORMAL = 2.0**-126
SPECIAL = np.array(
    [
        *(0.0, -0.0, 1.0, -1.0, 0.5, 2.0, math.inf, -math.inf, math.nan, 1e-45, -1e-45),
        *(SMALLEST_NORMAL, -SMALLEST_NORMAL, 1e-40, 3.4028235e38, -3.4028235e38, 1e-20, -1e-20),
        *(88.72283, 88.72284, 89.0, 104.0, 1e6, -87.33654, -87.33655, -87.7, -88.0, -103.97),
        *(-80.0, -104.0, -105.0, -1e6, 9.0, 9.01, 9.5, 10.0, -9.01, -20.0, 1e10, -1e30),
        *(0.34657, 0.34658, -0.34658, 1.0397, 0.99999994, 1.0000001, 0.70710677, 1.4142135),
        *(8191.9, 8192.1, 16777216.0),
    ],
    dtype=np.float32,
)


@pytest.fixture(scope="module", params=[16, 8, 4])
def host(request):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(target.LANES_VARIABLE, str(request.param))
        made = target.host()
    if made.lanes < request.param:
        pytest.skip(f"this processor has vectors of {made.lanes} lanes at most")
    return made


@pytest.fixture(scope="module")
def library(host):
    """Functions `void op(float* a, float* b, float* c, float* out, i64 count)`."""
    module = ir.Module()
    for op in (*POINTWISE, "fma"):
        made, builder = function(module, op, *[POINTER] * 4, INTEGER)
        *pointers, count = made.args
        with counted(builder, integer(0), count, host.lanes) as start:
            vector = VectorBuilder(builder, host)
            *inputs, out = (
                builder.gep(pointer, [start], source_etype=FLOAT) for pointer in pointers
            )
            arity = 1 if op in UNARY else 2 if op in BINARY else 3
            result = vector.emit(op, *(vector.load(pointer) for pointer in inputs[:arity]))
            vector.store(result, out)
        builder.ret_void()
    return target.Library.from_object(target.compile_module(module, host))


def run(library, name, *arrays, count=None, out=None):
    out = np.full_like(arrays[0], 7.0) if out is None else out
    pointers = [array.ctypes.data for array in (*arrays, *[arrays[0]] * (3 - len(arrays)), out)]
    call = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * 4, ctypes.c_int64)
    call(library.address(name))(*pointers, len(out) if count is None else count)
    return out


def padded(array):
    array = np.asarray(array, np.float32)
    return np.concatenate([array, np.ones(-len(array) % 16, np.float32)])


def wrong_by(result, exact):
    """Distances in units in the last place, infinite where a special value is missed."""
    with np.errstate(all="ignore"):
        rounded = exact.astype(np.float32)
        unit = np.spacing(np.maximum(np.abs(rounded), np.float32(SMALLEST_NORMAL)))
        units = np.abs(result.astype(np.float64) - exact) / unit
    same = (np.isnan(result) & np.isnan(exact)) | (result == rounded)
    units = np.where(same, 0.0, units)
    flushed = (np.abs(exact) < SMALLEST_NORMAL) & (np.abs(result) <= SMALLEST_NORMAL)
    units = np.where(flushed, 0.0, units)
    return np.where(np.isnan(units), np.inf, units)


def exact(op, *arrays):
    with np.errstate(all="ignore"):
        return REFERENCE[op](*(array.astype(np.float64) for array in arrays)).astype(np.float64)


@pytest.mark.parametrize("op", UNARY)
def test_functions_of_one_argument_are_accurate_everywhere(library, op):
    every_exponent = np.arange(-(2**31), 2**31, 32749, dtype=np.int64).astype(np.int32)
    x = padded(
        np.concatenate(
            [
                SPECIAL,
                every_exponent.view(np.float32),
                np.linspace(-110, 110, 200_000, dtype=np.float32),
                np.linspace(-10, 10, 200_000, dtype=np.float32),
                np.linspace(0.4, 2.5, 100_000, dtype=np.float32),
                np.linspace(-8300, 8300, 50_000, dtype=np.float32),
            ]
        )
    )
    result, expected = run(library, op, x), exact(op, x)
    wrong = wrong_by(result, expected)
    if op in ("sin", "cos"):  # near their zeros the remainder of the angle is what counts
        wrong = np.where(np.abs(result - expected) < 1e-9, 0.0, wrong)
    worst = wrong.argmax()
    assert wrong[worst] <= ALLOWED.get(op, 0.5), (x[worst], result[worst], expected[worst])


def test_what_saturates_stays_within_its_bounds(library):
    x = padded(np.linspace(-120, 120, 300_000, dtype=np.float32))
    assert np.abs(run(library, "tanh", x)).max() == 1.0
    sigmoid = run(library, "sigmoid", x)
    assert sigmoid.min() >= 0.0
    assert sigmoid.max() == 1.0
    assert (run(library, "sigmoid", padded([-80.0]))[0]) == pytest.approx(math.exp(-80), rel=5e-7)
    far = padded([math.inf, -math.inf])
    assert run(library, "sigmoid", far)[:2].tolist() == [1.0, 0.0]
    assert run(library, "tanh", far)[:2].tolist() == [1.0, -1.0]
    assert run(library, "exp", far)[:2].tolist() == [math.inf, 0.0]


@pytest.mark.parametrize("op", [*BINARY, "where", "fma"])
def test_functions_of_more_arguments_round_once(library, host, op):
    values = np.concatenate([SPECIAL, np.random.default_rng(1).normal(size=20).astype(np.float32)])
    a, b = (padded(part.ravel()) for part in np.meshgrid(values, values))
    c = np.roll(a, 7)
    arrays = (a, b) if op in BINARY else (a, b, c)
    result, expected = run(library, op, *arrays), exact(op, *arrays)
    if op == "fma" and not host.has_fma:
        with np.errstate(all="ignore"):
            expected = exact("add", a * b, c)
    assert wrong_by(result, expected).max() <= 0.5 + 1e-6


def test_signs_of_zero_stay(library):
    zeros = padded([0.0, -0.0])
    for op in ("tanh", "sin", "sqrt", "floor"):
        assert np.signbit(run(library, op, zeros)[:2]).tolist() == [False, True]
    assert np.signbit(run(library, "neg", zeros)[:2]).tolist() == [True, False]


def test_comparisons_choose_without_a_detour(host):
    """`where` on a comparison takes its bits, and on any other number whether it is not 0."""
    module = ir.Module()
    made, builder = function(module, "choose", *[POINTER] * 4, INTEGER)
    vector = VectorBuilder(builder, host)
    a, b, c = (vector.load(pointer) for pointer in made.args[:3])
    smaller = vector.emit("lt", a, b)
    one = vector.constant(1.0)
    chosen = vector.emit("where", smaller, vector.emit("add", smaller, one), vector.constant(5.0))
    vector.store(vector.emit("add", chosen, vector.emit("where", c, one, one)), made.args[3])
    builder.ret_void()
    library = target.Library.from_object(target.compile_module(module, host))
    a, b = (padded([1.0, 2.0, math.nan, 1.0]), padded([2.0, 1.0, 1.0, math.nan]))
    assert run(library, "choose", a, b, a)[:4].tolist() == [3.0, 6.0, 6.0, 6.0]


def with_counts(host, body):
    """Compile `body(vector, count, a, b, out)` for each count as a function of that name."""
    module = ir.Module()
    for count in range(1, host.lanes + 1):
        made, builder = function(module, f"of_{count}", *[POINTER] * 4, INTEGER)
        body(VectorBuilder(builder, host), count, made.args[0], made.args[1], made.args[3])
        builder.ret_void()
    return target.Library.from_object(target.compile_module(module, host))


def test_tails_touch_nothing_beyond_their_end(host):
    def body(vector, count, a, _, out):
        vector.store(vector.emit("neg", vector.load(a, count)), out, count)

    library = with_counts(host, body)
    memory = np.arange(1, 65, dtype=np.float32)
    for count in range(1, host.lanes + 1):
        out = run(library, f"of_{count}", memory)
        assert out[:count].tolist() == (-memory[:count]).tolist()
        assert (out[count:] == 7.0).all()


@pytest.mark.skipif(os.name == "nt", reason="protects memory the POSIX way")
def test_tails_at_the_end_of_memory_are_safe(host):
    page, none = mmap.PAGESIZE, 0
    memory = mmap.mmap(-1, 2 * page)
    floats = np.frombuffer(memory, np.float32)
    protect = ctypes.CDLL(None).mprotect
    protect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    assert protect(floats.ctypes.data + page, page, none) == 0

    def body(vector, count, a, _, out):
        vector.store(vector.load(a, count), out, count)

    library = with_counts(host, body)
    for count in range(1, host.lanes + 1):
        last = floats[page // 4 - count : page // 4]
        last[:] = count
        run(library, f"of_{count}", last, out=last, count=count)
    assert protect(floats.ctypes.data + page, page, mmap.PROT_READ | mmap.PROT_WRITE) == 0


@pytest.mark.parametrize(
    ("op", "neutral", "reference"), [("sum", 0.0, "sum"), ("amax", -math.inf, "max")]
)
def test_horizontal_reductions(host, op, neutral, reference):
    def body(vector, count, a, _, out):
        filled = vector.fill(vector.load(a, count), count, neutral)
        vector.store(vector.horizontal(op, filled), out)

    library = with_counts(host, body)
    values = np.random.default_rng(2).normal(size=16).astype(np.float32) - 3
    for count in range(1, host.lanes + 1):
        out = run(library, f"of_{count}", values)[: host.lanes]
        assert (out == out[0]).all()
        expected = getattr(values[:count].astype(np.float64), reference)()
        assert out[0] == pytest.approx(expected, rel=1e-6)
        broken = values.copy()
        broken[count - 1] = math.nan
        assert np.isnan(run(library, f"of_{count}", broken)[: host.lanes]).all()


def test_numbers_beyond_float32_become_infinite(host):
    def body(vector, count, a, _, out):
        scalar = vector.splat(vector.builder.load(a, typ=FLOAT))
        vector.store(vector.emit("add", scalar, vector.constant(1e300)), out)

    library = with_counts(host, body)
    assert (run(library, "of_1", np.ones(16, np.float32))[: host.lanes] == math.inf).all()


def test_no_other_operation_is_known(host):
    with pytest.raises(KeyError, match="cumsum"):
        VectorBuilder(None, host).emit("cumsum", None)
