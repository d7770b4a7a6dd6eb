"""Kernels go through Triton's compiler to code for a GPU, none of which need be there."""

import os
import subprocess
import sys

SCRIPT = '''
from triton import compile
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource

from elman.engine.compiler.builder import Builder
from elman.engine.compiler.program import BINARY, UNARY, Matrix, Program, Result, Source
from elman.engine.triton.launch import compiled
from elman.engine.triton.loop import loop_kernel
from elman.engine.triton.scan_kernel import scan
from elman.engine.triton.kernel import Setting, in_turn
from elman.engine.triton.stages import staged


def program(carried):
    """Every operation, and products of all kinds of sides, one on numbers beyond the width."""
    build = Builder()
    state, x = build.leaf(carried, 0, 5), build.leaf("input", 0, 5)
    total = build.product(state, Matrix(0, True), 5, x)
    for op in UNARY:
        total = build.apply("add", total, build.apply(op, state))
    for op in BINARY:
        total = build.apply("mul", total, build.apply(op, total, x))
    one = build.product(total, Matrix(1, False), 1)
    both = build.cat([build.slice(x, 2, 4), one], [2, 3])
    back = build.product(one, Matrix(2, True), 5, build.product(both, Matrix(3, True), 5))
    back = build.apply("where", back, back, build.number(float("inf")))
    back = build.apply("mul", back, build.reduce("amax", back, 5))
    back = build.apply("add", back, build.reduce("sum", back, 5))
    outputs = [("output", 0, back), ("vector_gradient", 0, total), (carried, 0, back)]
    outputs.append((carried, 1, both))
    return Program(tuple(Result(Source(kind, i), node, 5) for kind, i, node in outputs))


def signature(kernel):
    names = compiled(kernel.text).arg_names
    pointers = len(kernel.buffers) + len(kernel.matrices)
    types = ["*fp32"] * pointers + ["*i64", "*u8"]
    types += ["i32"] * (sum(map(in_turn, kernel.buffers)) + 3) + ["constexpr"]
    return dict(zip(names, types, strict=True))


def build(function, types, constants):
    source = ASTSource(function, types, constants)
    options = {"num_warps": 4, "num_stages": 1, "enable_fp_fusion": True}
    made = compile(source, target=GPUTarget("cuda", 80, 32), options=options)
    assert made.asm["cubin"]


for carried in ("state", "state_gradient"):
    setting = Setting(carried != "state", True, True, precision="tf32x3")
    kernel = loop_kernel(program(carried), setting, {})
    types = signature(kernel)
    build(compiled(kernel.text), types, {(len(types) - 1,): 16})
for kernel, _ in staged(program("state"), setting, {}).stages:
    if kernel is not None:
        types = signature(kernel)
        build(compiled(kernel.text), types, {(len(types) - 1,): 1})
types = dict.fromkeys(scan.arg_names[:4], "*fp32") | {"time": "i32", "width": "i32"}
types |= dict.fromkeys(scan.arg_names[6:], "constexpr")
for is_complex in (False, True):
    build(scan, types, {(6,): True, (7,): is_complex, (8,): 16, (9,): 16})
'''


def test_every_operation_compiles(tmp_path):
    environment = {**os.environ, "TRITON_CACHE_DIR": str(tmp_path)}
    environment.pop("TRITON_INTERPRET", None)
    run = subprocess.run(
        [sys.executable, "-c", SCRIPT], env=environment, capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr
