"""Generated code of products whose factors are rounded to bfloat16; sums stay float32.

The processor multiplies pairs: of the left side, neighbours in a row; of a packed matrix,
neighbours in a column. A packed matrix is `[panel][(K + 1) / 2][panel width][2]` bfloat16 numbers,
half as large as in float32; an odd K is filled up with zeros.
"""

from typing import Any

from llvmlite import ir

from elman.engine.native.emission import (
    FLOAT,
    INTEGER,
    POINTER,
    Lanes,
    counted,
    divided_up,
    function,
    integer,
    intrinsic,
    minimum,
    offset,
)
from elman.engine.native.packing import PACK_TYPE
from elman.engine.native.products import PRODUCT_TYPE, Float32, emit_panels, panel_width
from elman.engine.native.target import Host

ROUNDED_PRODUCT_TYPE = (*PRODUCT_TYPE, POINTER)
"""Arguments of `product` in bfloat16: those of float32, whose left side is float32 too, and scratch
memory of `rows * scratch_line(K)` floats that no other thread uses."""

_HALF = ir.IntType(16)
_WORD = ir.IntType(32)
_PACKED_DEPTH = 64  # rows that are packed as float32 and then rounded, even


def scratch_line(depth: int) -> int:
    """Give the scratch memory that a product needs for each row.

    Args:
        depth: K.

    Returns:
        Floats.
    """
    return -(-depth // 16) * 8


class BFloat16(Float32):
    """How tiles multiply pairs of bfloat16 numbers.

    Args:
        module: where to emit.
        host: a processor that has the instructions.
    """

    suffix = "_bfloat16"

    def __init__(self, module: Any, host: Host) -> None:
        super().__init__(module, host)
        self._module = module
        self.elements = Lanes(module, host, _WORD)

    def steps(self, builder: Any, depth: Any) -> Any:
        """Emit the number of multiply-adds in the sum of an element: one for each pair.

        Args:
            builder: where to emit.
            depth: K, the number of products in it.

        Returns:
            The number of steps.
        """
        return divided_up(builder, depth, integer(2))

    def multiply_add(self, builder: Any, left: Any, right: Any, total: Any) -> Any:
        """Emit one step of a sum of products: both products of each pair.

        Args:
            builder: where to emit.
            left: a vector from `left`.
            right: a vector from `right`.
            total: the sums so far, floats.

        Returns:
            The new sums.
        """
        name = "llvm.x86.avx512bf16.dpbf16ps.512"
        kinds = self.floats.type, self.elements.type, self.elements.type
        dot = intrinsic(self._module, name, self.floats.type, *kinds)
        return builder.call(dot, [total, left, right])


def emit_convert(module: Any, host: Host) -> Any:
    """Emit `convert(source, source_stride, rows, columns, target, target_stride)`.

    It rounds rows to bfloat16, to the nearest or else the even one, and fills them up with zeros
    to a multiple of 16 numbers. Strides are in floats, of the target too.

    Args:
        module: where to emit.
        host: a processor that has the instructions.

    Returns:
        The function.
    """
    lanes = Lanes(module, host)
    name = f"convert{BFloat16.suffix}"
    added, builder = function(module, name, POINTER, INTEGER, INTEGER, INTEGER, POINTER, INTEGER)
    source, source_stride, rows, columns, target, target_stride = added.args
    whole = builder.sub(columns, builder.urem(columns, integer(lanes.count)))
    rest = lanes.below(builder, builder.sub(columns, whole))
    with counted(builder, integer(0), rows) as row:
        start = offset(builder, source, builder.mul(row, source_stride))
        line = offset(builder, target, builder.mul(row, target_stride))

        def copy(column: Any, mask: Any = None, start: Any = start, line: Any = line) -> None:
            value = lanes.load(builder, offset(builder, start, column), mask)
            pair = builder.lshr(column, integer(1))
            builder.store(_rounded(builder, module, value), offset(builder, line, pair), align=4)

        with counted(builder, integer(0), whole, lanes.count) as column:
            copy(column)
        with builder.if_then(builder.icmp_signed("<", whole, columns)):
            copy(whole, rest)
    builder.ret_void()
    return added


def emit_pack(module: Any, host: Host, pack: Any) -> Any:
    """Emit the packing of a float32 matrix of any strides; its arguments are `PACK_TYPE`.

    Args:
        module: where to emit.
        host: a processor that has the instructions.
        pack: the function that packs float32 numbers.

    Returns:
        The function, named `pack_bfloat16`.
    """
    lanes = Lanes(module, host)
    width = panel_width(host)
    added, builder = function(module, f"pack{BFloat16.suffix}", *PACK_TYPE)
    source, row_stride, column_stride, depth, columns, packed = added.args
    block = builder.alloca(ir.ArrayType(FLOAT, _PACKED_DEPTH * width))
    # By way of an integer llvmlite forgets what the pointer points to.
    block = builder.inttoptr(builder.ptrtoint(block, INTEGER), POINTER)
    panels = divided_up(builder, columns, integer(width))
    steps = divided_up(builder, depth, integer(2))
    with counted(builder, integer(0), panels) as panel:
        first = builder.mul(panel, integer(width))
        valid = minimum(builder, builder.sub(columns, first), integer(width))
        panel_start = offset(builder, source, builder.mul(first, column_stride))
        target = offset(builder, packed, builder.mul(first, steps))
        with counted(builder, integer(0), depth, _PACKED_DEPTH) as k:
            rows = minimum(builder, builder.sub(depth, k), integer(_PACKED_DEPTH))
            start = offset(builder, panel_start, builder.mul(k, row_stride))
            builder.call(pack, [start, row_stride, column_stride, rows, valid, block])
            is_odd = builder.icmp_signed("==", builder.urem(rows, integer(2)), integer(1))
            with builder.if_then(is_odd):
                line = offset(builder, block, builder.mul(rows, integer(width)))
                for column in range(0, width, lanes.count):
                    lanes.store(builder, lanes.zero(), offset(builder, line, integer(column)))
            lines = offset(
                builder, target, builder.mul(builder.lshr(k, integer(1)), integer(width))
            )
            with counted(builder, integer(0), divided_up(builder, rows, integer(2))) as pair:
                _round_pair(builder, module, lanes, width, block, lines, pair)
    builder.ret_void()
    return added


def _round_pair(
    builder: Any, module: Any, lanes: Lanes, width: int, block: Any, lines: Any, pair: Any
) -> None:
    """Emit the rounding of two neighbouring rows of a panel into one row of pairs."""
    both = offset(builder, block, builder.mul(pair, integer(2 * width)))
    line = offset(builder, lines, builder.mul(pair, integer(width)))
    words = ir.VectorType(_WORD, lanes.count)
    halves = ir.VectorType(_HALF, lanes.count)
    upper = ir.Constant(words, [16] * lanes.count)
    for column in range(0, width, lanes.count):
        low, high = (
            builder.zext(
                builder.bitcast(
                    _rounded(
                        builder, module, lanes.load(builder, offset(builder, both, integer(at)))
                    ),
                    halves,
                ),
                words,
            )
            for at in (column, column + width)
        )
        value = builder.or_(low, builder.shl(high, upper))
        builder.store(value, offset(builder, line, integer(column)), align=4)


def _rounded(builder: Any, module: Any, value: Any) -> Any:
    """Emit the rounding of floats to the bits of bfloat16 numbers."""
    name = "llvm.x86.avx512bf16.cvtneps2bf16.512"
    kind = ir.VectorType(_HALF, value.type.count)
    return builder.call(intrinsic(module, name, kind, value.type), [value])


def emit_product(module: Any, host: Host, convert: Any, panel_product: Any) -> Any:
    """Emit `product_bfloat16`; its arguments are `ROUNDED_PRODUCT_TYPE`.

    Args:
        module: where to emit.
        host: a processor that has the instructions.
        convert: the function of `emit_convert`.
        panel_product: the function of `emit_panel_product` for `BFloat16`.

    Returns:
        The function.
    """
    added, builder = function(module, f"product{BFloat16.suffix}", *ROUNDED_PRODUCT_TYPE)
    left, left_stride, rows, depth, *others, scratch = added.args
    line = builder.mul(divided_up(builder, depth, integer(16)), integer(8))
    builder.call(convert, [left, left_stride, rows, depth, scratch, line])
    steps = divided_up(builder, depth, integer(2))
    emit_panels(builder, host, panel_product, scratch, line, rows, steps, *others)
    builder.ret_void()
    return added
