"""Generated code that rearranges matrices: transposition, and packing into panels.

A packed matrix of K rows and N columns is `[panel][K][panel width]` floats: the products read it
from front to back, whatever the strides of the source. Columns beyond N are zero.
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
    minimum,
    offset,
    prefetch,
)
from elman.engine.native.target import Host

_AHEAD = 16  # rows after the one that is copied, which will soon be read

PACK_TYPE = (POINTER, INTEGER, INTEGER, INTEGER, INTEGER, POINTER)
"""Arguments of `pack`: source, its row and column strides in floats, K, N, packed."""


def emit_transpose(module: Any, host: Host) -> Any:
    """Emit `transpose(source, source_stride, rows, columns, target, target_stride)`.

    Sets `target[c * target_stride + r] = source[r * source_stride + c]`; strides are in floats.

    Args:
        module: where to emit.
        host: the processor that the code is for.

    Returns:
        The function.
    """
    lanes = Lanes(module, host)
    added, builder = function(
        module, "transpose", POINTER, INTEGER, INTEGER, INTEGER, POINTER, INTEGER
    )
    source, source_stride, rows, columns, target, target_stride = added.args
    width = integer(lanes.count)
    whole_rows = builder.sub(rows, builder.urem(rows, width))
    whole_columns = builder.sub(columns, builder.urem(columns, width))

    def copy(first_row: Any, first_column: Any, last_column: Any) -> None:
        with counted(builder, first_row, rows) as row:
            start = offset(builder, source, builder.mul(row, source_stride))
            with counted(builder, first_column, last_column) as column:
                value = builder.load(offset(builder, start, column), align=4, typ=FLOAT)
                to = offset(builder, target, row, builder.mul(column, target_stride))
                builder.store(value, to, align=4)

    with counted(builder, integer(0), whole_rows, lanes.count) as row:
        start = offset(builder, source, builder.mul(row, source_stride))
        with counted(builder, integer(0), whole_columns, lanes.count) as column:
            block = [
                lanes.load(
                    builder,
                    offset(builder, start, column, builder.mul(source_stride, integer(i))),
                )
                for i in range(lanes.count)
            ]
            for i in range(lanes.count):
                ahead = builder.mul(source_stride, integer(4 * lanes.count + i))
                prefetch(builder, offset(builder, start, column, ahead))
            for i, vector in enumerate(transposed(builder, block)):
                line = builder.mul(builder.add(column, integer(i)), target_stride)
                lanes.store(builder, vector, offset(builder, target, row, line))
    copy(whole_rows, integer(0), whole_columns)
    copy(integer(0), whole_columns, columns)
    builder.ret_void()
    return added


def emit_pack(module: Any, host: Host, width: int, transpose: Any) -> Any:
    """Emit `pack`, which packs a matrix of any strides; its arguments are `PACK_TYPE`.

    Args:
        module: where to emit.
        host: the processor that the code is for.
        width: floats in a row of a panel, a multiple of the host's lanes.
        transpose: the function of `emit_transpose`.

    Returns:
        The function.
    """
    lanes = Lanes(module, host)
    added, builder = function(module, "pack", *PACK_TYPE)
    source, row_stride, column_stride, rows, columns, packed = added.args
    panels = divided_up(builder, columns, integer(width))
    one = integer(1)
    in_rows = builder.icmp_signed("==", column_stride, one)
    in_columns = builder.icmp_signed("==", row_stride, one)
    with counted(builder, integer(0), panels) as panel:
        first = builder.mul(panel, integer(width))
        start = offset(builder, source, builder.mul(first, column_stride))
        target = offset(builder, packed, builder.mul(first, rows))
        valid = minimum(builder, builder.sub(columns, first), integer(width))
        with builder.if_else(in_rows) as (copied, moved):
            with copied:
                _copy_rows(builder, lanes, start, row_stride, rows, valid, target, width)
            with moved:
                with builder.if_else(in_columns) as (transposed, scattered):
                    with transposed:
                        arguments = [start, column_stride, valid, rows, target, integer(width)]
                        builder.call(transpose, arguments)
                    with scattered:
                        strides = row_stride, column_stride
                        _copy_elements(builder, start, strides, rows, valid, target, width)
                _clear(builder, rows, valid, target, width)
    builder.ret_void()
    return added


def transposed(builder: Any, block: list[Any]) -> list[Any]:
    """Emit the transposition of a square of vectors.

    Each is interleaved with the one half the square away, until all are in place.

    Args:
        builder: where to emit.
        block: as many vectors as each has lanes.

    Returns:
        The vectors of the transposed square.
    """
    count = len(block)
    pairs = [lane // 2 + count * (lane % 2) for lane in range(count)]
    order = ir.VectorType(ir.IntType(32), count)
    low = ir.Constant(order, pairs)
    high = ir.Constant(order, [lane + count // 2 for lane in pairs])
    half = count
    while half > 1:
        half //= 2
        block = [
            builder.shuffle_vector(block[i // 2], block[i // 2 + count // 2], order)
            for i, order in enumerate([low, high] * (count // 2))
        ]
    return block


def _copy_rows(
    builder: Any,
    lanes: Lanes,
    source: Any,
    stride: Any,
    rows: Any,
    valid: Any,
    target: Any,
    width: int,
) -> None:
    starts = range(0, width, lanes.count)
    limits = [builder.sub(valid, integer(start)) for start in starts]
    masks = [lanes.below(builder, limit) for limit in limits]

    def copy(masked: bool) -> None:
        with counted(builder, integer(0), rows) as row:
            start = offset(builder, source, builder.mul(row, stride))
            line = offset(builder, target, builder.mul(row, integer(width)))
            for first, mask in zip(starts, masks, strict=True):
                at = offset(builder, start, integer(first))
                ahead = builder.mul(stride, integer(_AHEAD))
                prefetch(builder, offset(builder, at, ahead))
                value = lanes.load(builder, at, mask if masked else None)
                lanes.store(builder, value, offset(builder, line, integer(first)))

    whole = builder.icmp_signed("==", valid, integer(width))
    with builder.if_else(whole) as (full, partial):
        with full:
            copy(masked=False)
        with partial:
            copy(masked=True)


def _copy_elements(
    builder: Any,
    source: Any,
    strides: tuple[Any, Any],
    rows: Any,
    valid: Any,
    target: Any,
    width: int,
) -> None:
    with (
        counted(builder, integer(0), rows) as row,
        counted(builder, integer(0), valid) as column,
    ):
        at = [builder.mul(row, strides[0]), builder.mul(column, strides[1])]
        value = builder.load(offset(builder, source, *at), align=4, typ=FLOAT)
        line = offset(builder, target, builder.mul(row, integer(width)))
        builder.store(value, offset(builder, line, column), align=4)


def _clear(builder: Any, rows: Any, valid: Any, target: Any, width: int) -> None:
    """Set the columns beyond the valid ones to zero."""
    with (
        builder.if_then(builder.icmp_signed("<", valid, integer(width))),
        counted(builder, integer(0), rows) as row,
        counted(builder, valid, integer(width)) as column,
    ):
        line = offset(builder, target, builder.mul(row, integer(width)))
        builder.store(ir.Constant(FLOAT, 0.0), offset(builder, line, column), align=4)
