"""The processor's description, and compiling and loading code for it."""

import ctypes
import gc
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from llvmlite import binding, ir

from elman.engine.native.emission import FLOAT, INTEGER, POINTER, function
from elman.engine.native.target import LANES_VARIABLE, Library, compile_module, host

HOST = host()
X86 = pytest.mark.skipif("sse2" not in HOST.features, reason="an x86 processor")


def with_lanes(monkeypatch, lanes):
    monkeypatch.setenv(LANES_VARIABLE, str(lanes))
    return host()


def adder(number):
    """A module with `i64 add(i64)`."""
    module = ir.Module()
    made, builder = function(module, "add", INTEGER, result=INTEGER)
    builder.ret(builder.add(made.args[0], ir.Constant(INTEGER, number)))
    return module


def call(library, argument):
    kind = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_int64)
    return kind(library.address("add"))(argument)


def multiply_module(lanes):
    """A module with `void multiply(float*)`, which squares a vector and adds 3."""
    vector = ir.VectorType(FLOAT, lanes)
    module = ir.Module()
    made, builder = function(module, "multiply", POINTER)
    (pointer,) = made.args
    value = builder.load(pointer, align=4, typ=vector)
    fma = ir.Function(module, ir.FunctionType(vector, [vector] * 3), f"llvm.fma.v{lanes}f32")
    result = builder.call(fma, [value, value, ir.Constant(vector, [3.0] * lanes)])
    builder.store(result, pointer, align=4)
    builder.ret_void()
    return module


def assembly(code_host, lanes):
    """What the code generator writes for a host, disassembled by itself."""
    machine = binding.Target.from_default_triple().create_target_machine(
        cpu=code_host.cpu, features=code_host.features, opt=3
    )
    parsed = binding.parse_assembly(str(multiply_module(lanes)))
    parsed.triple = machine.triple
    return machine.emit_assembly(parsed)


def test_host_describes_this_processor():
    assert HOST is host()
    assert HOST.lanes in (4, 8, 16)
    assert HOST.registers == (16 if HOST.lanes == 8 else 32) or HOST.lanes == 4
    present = dict(binding.get_host_cpu_features())
    if present.get("avx512f"):
        assert HOST.lanes == 16
    elif present.get("avx2") and present.get("fma"):
        assert HOST.lanes == 8


@X86
@pytest.mark.parametrize(
    ("lanes", "register", "fused"), [(16, "zmm", True), (8, "ymm", True), (4, "xmm", False)]
)
def test_code_uses_registers_of_the_width_asked_for(monkeypatch, lanes, register, fused):
    narrower = with_lanes(monkeypatch, lanes)
    if narrower.lanes < lanes:
        pytest.skip(f"this processor has vectors of {narrower.lanes} lanes at most")
    text = assembly(narrower, lanes)
    assert f"%{register}" in text
    for wider in {"zmm": [], "ymm": ["zmm"], "xmm": ["zmm", "ymm", "\tv"]}[register]:
        assert wider not in text
    assert narrower.has_fma is fused
    assert ("vfmadd" in text) is fused
    assert narrower.registers == (32 if lanes == 16 else 16)
    assert narrower.has_bfloat16 <= HOST.has_bfloat16
    assert lanes == 16 or not narrower.has_bfloat16


@X86
@pytest.mark.parametrize("cpu", ["skylake-avx512", "icelake-server", "sapphirerapids", "znver5"])
def test_wide_vectors_stay_whole_where_a_processor_prefers_256_bits(cpu):
    features = "+avx512f,+avx512vl,+avx512bw,+avx512dq,-prefer-256-bit"
    assert "%zmm" in assembly(replace(HOST, cpu=cpu, features=features), 16)


def test_a_width_that_does_not_exist_is_refused(monkeypatch):
    with pytest.raises(ValueError, match="ELMAN_LANES must be 16, 8 or 4, got '12'"):
        with_lanes(monkeypatch, 12)


@pytest.mark.parametrize("lanes", [16, 8, 4])
def test_compiled_code_computes(monkeypatch, lanes):
    narrower = with_lanes(monkeypatch, lanes)
    library = Library.from_object(compile_module(multiply_module(narrower.lanes), narrower))
    memory = np.arange(16, dtype=np.float32)
    ctypes.CFUNCTYPE(None, ctypes.c_void_p)(library.address("multiply"))(memory.ctypes.data)
    expected = np.arange(16.0)
    expected[: narrower.lanes] = expected[: narrower.lanes] ** 2 + 3
    assert memory.tolist() == expected.tolist()


def test_a_module_may_be_text():
    assert call(Library.from_object(compile_module(str(adder(5)))), 4) == 9


def test_libraries_with_equal_names_live_side_by_side_and_go_alone():
    first, second = (Library.from_object(compile_module(adder(number))) for number in (1, 2))
    assert (call(first, 10), call(second, 10)) == (11, 12)
    assert first.address("add") == first.address("add") != second.address("add")
    del first
    gc.collect()
    assert call(second, 10) == 12


def test_a_missing_function_is_named():
    library = Library.from_object(compile_module(adder(1)))
    with pytest.raises(KeyError, match="no function 'subtract'"):
        library.address("subtract")
    assert call(library, 1) == 2


def test_functions_of_the_c_library_are_found():
    module = ir.Module()
    made, builder = function(module, "add", INTEGER, result=INTEGER)
    absolute = ir.Function(module, ir.FunctionType(INTEGER, [INTEGER]), "llabs")
    builder.ret(builder.call(absolute, made.args))
    assert call(Library.from_object(compile_module(module)), -7) == 7


def test_wrong_code_is_an_error_not_a_crash():
    with pytest.raises(RuntimeError, match="expected"):
        compile_module("define nonsense")
    with pytest.raises(RuntimeError):
        Library.from_object(compile_module(adder(1))[:200])


def test_threads_load_at_the_same_time():
    code = [compile_module(adder(number)) for number in range(4)]

    def work(number):
        return [call(Library.from_object(code[number % 4]), 1) for _ in range(10)]

    with ThreadPoolExecutor(4) as threads:
        for number, results in enumerate(threads.map(work, range(8))):
            assert set(results) == {number % 4 + 1}
