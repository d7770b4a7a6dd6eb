"""Generated code of the product of few rows that reads a weight where it lies.

Packing a weight of some megabytes costs as much as tens of products of one row with it, and the
copy pushes other things out of the caches. This is for weights `[N, K]`, whose rows are read from
front to back; those of a weight `[K, N]` would be read in pieces, more slowly than packed ones.
"""

from typing import Any

from llvmlite import ir

from elman.engine.native.emission import (
    FLOAT,
    POINTER,
    Lanes,
    carried,
    carry,
    counted,
    function,
    integer,
    intrinsic,
    minimum,
    offset,
)
from elman.engine.native.products import PRODUCT_TYPE, panel_width
from elman.engine.native.target import Host

_TOGETHER = 8  # rows of the weight that are read side by side


class _Product:
    """The function of a product being written, with its arguments named."""

    def __init__(self, module: Any, host: Host, name: str) -> None:
        self.function, self.builder = function(module, name, *PRODUCT_TYPE)
        self.lanes = Lanes(module, host)
        self.left, self.left_stride, self.rows, self.depth, *others = self.function.args
        self.weight, first, last, self.columns, *places = others
        self.initial, self.initial_stride, self.result, self.result_stride = places
        width = integer(panel_width(host))
        self.begin = self.builder.mul(first, width)
        self.end = minimum(self.builder, self.builder.mul(last, width), self.columns)
        self.is_given = self.builder.icmp_unsigned("!=", self.initial, ir.Constant(POINTER, None))

    def line(self, name: str, row: Any) -> Any:
        """Emit the address of a row of `left`, `initial` or `result`."""
        stride = getattr(self, f"{name}_stride")
        return offset(self.builder, getattr(self, name), self.builder.mul(row, stride))

    def together(self, begin: Any, end: Any, emit: Any) -> None:
        """Emit a loop over so many things at once, and one over those that are left."""
        builder = self.builder
        count = builder.sub(end, begin)
        whole = builder.sub(end, builder.srem(count, integer(_TOGETHER)))
        with counted(builder, begin, whole, _TOGETHER) as index:
            emit(index, _TOGETHER)
        with counted(builder, whole, end) as index:
            emit(index, 1)


def emit_transposed(module: Any, host: Host) -> Any:
    """Emit `product_transposed`: each result is a sum along a row of the weight `[N, K]`.

    Its arguments are `PRODUCT_TYPE`, with the weight, contiguous, in the place of the packed one.

    Args:
        module: where to emit.
        host: the processor that the code is for.

    Returns:
        The function.
    """
    product = _Product(module, host, "product_transposed")
    builder, lanes, depth = product.builder, product.lanes, product.depth
    whole = builder.sub(depth, builder.srem(depth, integer(lanes.count)))
    rest = lanes.below(builder, builder.sub(depth, whole))

    def results(column: Any, count: int) -> None:
        lines = [
            offset(
                builder,
                product.weight,
                builder.mul(builder.add(column, integer(number)), depth),
            )
            for number in range(count)
        ]
        with counted(builder, integer(0), product.rows) as row:
            left = product.line("left", row)

            def add(totals: list[Any], k: Any, mask: Any = None) -> list[Any]:
                x = lanes.load(builder, offset(builder, left, k), mask)
                return [
                    lanes.multiply_add(
                        builder, lanes.load(builder, offset(builder, line, k), mask), x, total
                    )
                    for line, total in zip(lines, totals, strict=True)
                ]

            with counted(builder, integer(0), whole, lanes.count) as k:
                totals = carried(builder, k, [lanes.zero()] * count)
                carry(builder, totals, add(totals, k))
            for number, total in enumerate(add(totals, whole, rest)):
                at = builder.add(column, integer(number))
                _store_sum(product, module, total, row, at)

    product.together(product.begin, product.end, results)
    builder.ret_void()
    return product.function


def _store_sum(product: _Product, module: Any, total: Any, row: Any, column: Any) -> None:
    """Emit the sum of a vector's lanes and of the initial value."""
    builder = product.builder
    name = f"llvm.vector.reduce.fadd.v{product.lanes.count}f32"
    add = intrinsic(module, name, FLOAT, FLOAT, product.lanes.type)
    zero = ir.Constant(FLOAT, 0.0)
    value = builder.call(add, [zero, total], fastmath=("reassoc",))
    place = offset(builder, product.line("result", row), column)
    # Without initial values something is read that is surely there.
    given = offset(builder, product.line("initial", row), column)
    given = builder.select(product.is_given, given, product.left)
    start = builder.load(given, align=4, typ=FLOAT)
    start = builder.select(product.is_given, start, zero)
    builder.store(builder.fadd(start, value), place, align=4)
