"""The compiled kernels of matrix products, kept on disk and loaded once a process."""

from collections.abc import Callable
from functools import cache
from typing import Literal, NamedTuple

from llvmlite import ir

from elman.engine.native import bfloat16, few_rows, moves, packing, products, workers
from elman.engine.native.cache import compiled_object
from elman.engine.native.launch import emit_launch, emit_repeat
from elman.engine.native.target import Host, Library, compile_module, host
from elman.engine.native.threads import emit_entry

Precision = Literal["float32", "bfloat16"]
"""What the factors of products are rounded to; sums and results are float32."""


class Kernels(NamedTuple):
    """Addresses of the compiled kernels, and what callers must know of their shapes.

    Attributes:
        library: keeps the code in memory.
        pack: the function `pack` of `packing`.
        product: the function `product` of `products`.
        product_transposed: the function of `few_rows` for weights `[N, K]`; 0 if factors are
            rounded.
        pack_worker: entry of the packing worker.
        multiply_worker: entry of the product worker.
        gradient_worker: entry of the gradient worker.
        sum_worker: entry of the worker that sums rows.
        transpose_worker: entry of the transposing worker.
        collect_worker: entry of the worker that collects chosen rows.
        launch: the function `launch` of `launch`.
        repeat: the function `repeat` of `launch`.
        panel_width: columns of a panel of a packed matrix.
        pairs: how many numbers of a column take the place of one float.
        row_block: rows that a thread multiplies at a time.
        scratch_line: floats of scratch memory that a product needs for a row, from K.
        gradient_scratch: floats that each thread of the gradient worker needs.
    """

    library: Library
    pack: int
    product: int
    product_transposed: int
    pack_worker: int
    multiply_worker: int
    gradient_worker: int
    sum_worker: int
    transpose_worker: int
    collect_worker: int
    launch: int
    repeat: int
    panel_width: int
    pairs: int
    row_block: int
    scratch_line: Callable[[int], int]
    gradient_scratch: int


@cache
def kernels(precision: Precision = "float32") -> Kernels:
    """Give the kernels for this processor, compiled if they are not on disk.

    Args:
        precision: what the factors are rounded to.

    Returns:
        The kernels.
    """
    target = host()
    key = f"matrix products in {precision}"
    return load_kernels(
        target, precision, compiled_object(key, lambda: build_kernels(target, precision), target)
    )


def build_kernels(target: Host, precision: Precision) -> bytes:
    """Compile the kernels.

    Args:
        target: the processor to compile for.
        precision: what the factors are rounded to.

    Returns:
        Object code.

    Raises:
        ValueError: the processor cannot multiply bfloat16 numbers.
    """
    module = ir.Module()
    transpose = packing.emit_transpose(module, target)
    pack = packing.emit_pack(module, target, products.panel_width(target), transpose)
    if precision == "float32":
        arithmetic = products.Float32(module, target)
        panel_product = products.emit_panel_product(module, target, arithmetic)
        product = products.emit_product(module, target, panel_product)
        few_rows.emit_transposed(module, target)
        called = workers.Called(arithmetic, transpose, pack, panel_product, product)
    else:
        if not target.has_bfloat16:
            raise ValueError("This processor cannot multiply bfloat16 numbers; use float32.")
        rounded = bfloat16.BFloat16(module, target)
        panel_product = products.emit_panel_product(module, target, rounded)
        convert = bfloat16.emit_convert(module, target)
        pack = bfloat16.emit_pack(module, target, pack)
        product = bfloat16.emit_product(module, target, convert, panel_product)
        called = workers.Called(rounded, transpose, pack, panel_product, product, convert)
    for name, worker in (
        ("pack", workers.emit_pack_worker(module, target, called)),
        ("multiply", workers.emit_multiply_worker(module, target, called)),
        ("gradient", workers.emit_gradient_worker(module, target, called)),
        ("sum", moves.emit_sum_worker(module, target)),
        ("transpose", moves.emit_transpose_worker(module, target, transpose)),
        ("collect", moves.emit_collect_worker(module, target)),
    ):
        emit_entry(module, worker, f"{name}_entry")
    emit_launch(module)
    emit_repeat(module)
    return compile_module(module, target)


def load_kernels(target: Host, precision: Precision, code: bytes) -> Kernels:
    """Load compiled kernels.

    Args:
        target: the processor that they were compiled for.
        precision: what the factors are rounded to.
        code: what `build_kernels` returned.

    Returns:
        The kernels.
    """
    rounded = precision == "bfloat16"
    suffix = bfloat16.BFloat16.suffix if rounded else ""
    library = Library.from_object(code)
    return Kernels(
        library,
        library.address(f"pack{suffix}"),
        library.address(f"product{suffix}"),
        0 if rounded else library.address("product_transposed"),
        library.address("pack_entry"),
        library.address("multiply_entry"),
        library.address("gradient_entry"),
        library.address("sum_entry"),
        library.address("transpose_entry"),
        library.address("collect_entry"),
        library.address("launch"),
        library.address("repeat"),
        panel_width=products.panel_width(target),
        pairs=2 if rounded else 1,
        row_block=workers.ROW_BLOCK,
        scratch_line=bfloat16.scratch_line if rounded else lambda depth: 0,
        gradient_scratch=workers.gradient_scratch(target),
    )
