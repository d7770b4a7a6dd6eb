"""Generated code of the matrix products of the cell compiler.

A product is computed in tiles of a few rows by one panel of a packed right side (`packing`). Each
element is summed over blocks of K, each block from first to last, in one order for all tiles:
results do not depend on how rows are split. Blocks keep a panel's part in the cache, and rounding
errors small.
"""

from typing import Any

from llvmlite import ir

from elman.engine.native.emission import (
    FLOAT,
    INTEGER,
    POINTER,
    Lanes,
    carried,
    carry,
    counted,
    divided_up,
    function,
    integer,
    maximum,
    minimum,
    offset,
)
from elman.engine.native.target import Host

PRODUCT_TYPE = (
    *(POINTER, INTEGER, INTEGER, INTEGER),
    *(POINTER, INTEGER, INTEGER, INTEGER),
    *(POINTER, INTEGER, POINTER, INTEGER),
)
"""Arguments of `product`, a function that returns nothing: left, its row stride, rows, K; packed,
first panel, last panel, N; initial, its row stride, result, its row stride.

It sets `result[r, n] = initial[r, n] + sum_k left[r, k] right[k, n]` in the panels from the first
to before the last. Strides are in floats; elements of a row lie side by side. Without an initial
pointer the result is the sum alone; the initial values may be in the result's place; with stride 0
they are one vector for all rows."""

_DEPTH_BLOCK = 512  # rows of a panel in the sum of one tile


def tile_rows(host: Host) -> int:
    """Give the largest number of rows of a tile.

    Args:
        host: the processor.

    Returns:
        Rows.
    """
    return _tile_shape(host)[0]


def panel_width(host: Host) -> int:
    """Give the number of columns of a panel of a packed matrix.

    Args:
        host: the processor.

    Returns:
        Columns, a multiple of the host's lanes.
    """
    return _tile_shape(host)[1] * host.lanes


def _tile_shape(host: Host) -> tuple[int, int]:
    """Give the rows and vectors of the largest tile whose sums stay in registers."""
    if host.registers == 32:
        return 6, 4
    # Without fused multiply-add each product takes one more register on its way to the sum.
    return (4, 3) if host.has_fma else (6, 2)


class Float32:
    """How tiles multiply float32 values.

    Args:
        module: where to emit.
        host: the processor that the code is for.
    """

    suffix = ""

    def __init__(self, module: Any, host: Host) -> None:
        self.floats = self.elements = Lanes(module, host)

    def steps(self, builder: Any, depth: Any) -> Any:
        """Emit the number of multiply-adds in the sum of an element.

        Args:
            builder: where to emit.
            depth: K, the number of products in it.

        Returns:
            The number of steps.
        """
        return depth

    def left(self, builder: Any, pointer: Any) -> Any:
        """Emit the load of one left element, or pair of elements, into all lanes.

        Args:
            builder: where to emit.
            pointer: its address.

        Returns:
            The vector.
        """
        return self.elements.broadcast(builder, pointer)

    def right(self, builder: Any, pointer: Any) -> Any:
        """Emit the load of a vector of a panel.

        Args:
            builder: where to emit.
            pointer: its address.

        Returns:
            The vector.
        """
        return self.elements.load(builder, pointer)

    def multiply_add(self, builder: Any, left: Any, right: Any, total: Any) -> Any:
        """Emit one step of a sum of products.

        Args:
            builder: where to emit.
            left: a vector from `left`.
            right: a vector from `right`.
            total: the sums so far, floats.

        Returns:
            The new sums.
        """
        return self.floats.multiply_add(builder, left, right, total)


TILE_TYPE = (
    *(POINTER, INTEGER, INTEGER, POINTER, INTEGER),
    *(POINTER, INTEGER, POINTER, INTEGER),
)
"""Arguments of a tile: left, its row stride, K; panel, valid columns; initial, its row stride,
result, its row stride."""


class _Tile:
    """Emits the function of a tile of some rows and vectors; one object emits one function."""

    def __init__(
        self, module: Any, arithmetic: Float32, width: int, rows: int, vectors: int
    ) -> None:
        name = f"tile{arithmetic.suffix}_{rows}_{vectors}"
        self.function, self.builder = function(module, name, *TILE_TYPE)
        self.function.linkage = "internal"
        self.arithmetic = arithmetic
        self.floats = arithmetic.floats
        self.panel_width = width
        self.rows = rows
        self.columns = [integer(vector * self.floats.count) for vector in range(vectors)]

    def emit(self) -> Any:
        left, left_stride, depth, panel, valid, initial, initial_stride, result, result_stride = (
            self.function.args
        )
        builder = self.builder
        sums = self._sum(self._rows(left, left_stride), depth, panel)
        starts = self._rows(initial, initial_stride)
        results = self._rows(result, result_stride)
        count = integer(len(self.columns) * self.floats.count)
        with builder.if_else(builder.icmp_signed(">=", valid, count)) as (whole, partial):
            with whole:
                self._store(sums, starts, results, [None] * len(self.columns))
            with partial:
                masks = [
                    self.floats.below(builder, builder.sub(valid, column))
                    for column in self.columns
                ]
                self._store(sums, starts, results, masks)
        builder.ret_void()
        return self.function

    def _rows(self, pointer: Any, stride: Any) -> list[Any]:
        return [
            offset(self.builder, pointer, self.builder.mul(stride, integer(row)))
            for row in range(self.rows)
        ]

    def _sum(self, rows: list[Any], depth: Any, panel: Any) -> list[Any]:
        builder = self.builder
        sums = [self.floats.zero()] * (self.rows * len(self.columns))
        with counted(builder, integer(0), depth) as k:
            totals = carried(builder, k, sums)
            line = offset(builder, panel, builder.mul(k, integer(self.panel_width)))
            rights = [
                self.arithmetic.right(builder, offset(builder, line, column))
                for column in self.columns
            ]
            new: list[Any] = []
            for row in rows:
                left = self.arithmetic.left(builder, offset(builder, row, k))
                for right in rights:
                    total = totals[len(new)]
                    new.append(self.arithmetic.multiply_add(builder, left, right, total))
            carry(builder, totals, new)
        return totals

    def _store(
        self, sums: list[Any], starts: list[Any], results: list[Any], masks: list[Any]
    ) -> None:
        builder = self.builder
        remaining = iter(sums)
        for start, result in zip(starts, results, strict=True):
            for column, mask in zip(self.columns, masks, strict=True):
                initial = self.floats.load(builder, offset(builder, start, column), mask)
                value = builder.fadd(initial, next(remaining))
                self.floats.store(builder, value, offset(builder, result, column), mask)


def emit_panel_product(module: Any, host: Host, arithmetic: Float32) -> Any:
    """Emit the product of any number of rows with one panel, in tiles of balanced heights.

    Args:
        module: where to emit.
        host: the processor that the code is for.
        arithmetic: how to multiply.

    Returns:
        A function whose arguments are `TILE_TYPE` with the number of rows, positive, in front.
    """
    block_product = _emit_block_product(module, host, arithmetic)
    name = f"panel_product{arithmetic.suffix}"
    added, builder = function(module, name, INTEGER, *TILE_TYPE)
    added.linkage = "internal"
    rows, left, left_stride, depth, panel, valid, initial, initial_stride, result, stride = (
        added.args
    )
    blocks = maximum(builder, divided_up(builder, depth, integer(_DEPTH_BLOCK)), integer(1))
    size = maximum(builder, divided_up(builder, depth, blocks), integer(1))
    # Without depth the result is the initial value: one round in any case.
    with counted(builder, integer(0), maximum(builder, depth, integer(1)), size) as k:
        is_first = builder.icmp_signed("==", k, integer(0))
        arguments = [
            *(rows, offset(builder, left, k), left_stride),
            minimum(builder, size, builder.sub(depth, k)),
            offset(builder, panel, builder.mul(k, integer(panel_width(host)))),
            *(valid, builder.select(is_first, initial, result)),
            *(builder.select(is_first, initial_stride, stride), result, stride),
        ]
        builder.call(block_product, arguments)
    builder.ret_void()
    return added


def _emit_block_product(module: Any, host: Host, arithmetic: Float32) -> Any:
    """Emit the product of any number of rows with a block of the rows of one panel."""
    vectors = panel_width(host) // host.lanes
    wide = _emit_rows(module, host, arithmetic, vectors)
    narrow = _emit_rows(module, host, arithmetic, 1)
    name = f"block_product{arithmetic.suffix}"
    added, builder = function(module, name, INTEGER, *TILE_TYPE)
    added.linkage = "internal"
    rows, left, left_stride, depth, panel, valid, initial, initial_stride, result, stride = (
        added.args
    )
    # In a panel with few valid columns one vector after the other costs less, unless the sums
    # of one vector are too few to hide how long a sum takes.
    in_flight = 4 if host.lanes == 16 else 8
    height = builder.udiv(rows, divided_up(builder, rows, integer(tile_rows(host))))
    valid_vectors = divided_up(builder, valid, integer(host.lanes))
    one_by_one = maximum(builder, builder.add(height, integer(1)), integer(in_flight))
    together = builder.mul(height, integer(vectors))
    is_less = builder.icmp_signed("<=", builder.mul(valid_vectors, one_by_one), together)
    with builder.if_else(is_less) as (few, many):
        with few, counted(builder, integer(0), valid, host.lanes) as column:
            arguments = [
                *(rows, left, left_stride, depth, offset(builder, panel, column)),
                *(builder.sub(valid, column), offset(builder, initial, column), initial_stride),
                *(offset(builder, result, column), stride),
            ]
            builder.call(narrow, arguments)
        with many:
            builder.call(wide, added.args)
    builder.ret_void()
    return added


def _emit_rows(module: Any, host: Host, arithmetic: Float32, vectors: int) -> Any:
    """Emit the loop over tiles of balanced heights."""
    heights = range(1, tile_rows(host) + 1)
    width = panel_width(host)
    tiles = [_Tile(module, arithmetic, width, rows, vectors).emit() for rows in heights]
    name = f"rows{arithmetic.suffix}_{vectors}"
    added, builder = function(module, name, INTEGER, *TILE_TYPE)
    added.linkage = "internal"
    rows, left, left_stride, depth, panel, valid, initial, initial_stride, result, stride = (
        added.args
    )
    count = divided_up(builder, rows, integer(heights[-1]))
    small = builder.udiv(rows, count)
    taller = builder.urem(rows, count)
    with counted(builder, integer(0), count) as index:
        row = builder.add(builder.mul(index, small), minimum(builder, index, taller))
        is_tall = builder.icmp_signed("<", index, taller)
        height = builder.add(small, builder.zext(is_tall, INTEGER))
        arguments = [
            *(offset(builder, left, builder.mul(row, left_stride)), left_stride),
            *(depth, panel, valid),
            *(offset(builder, initial, builder.mul(row, initial_stride)), initial_stride),
            *(offset(builder, result, builder.mul(row, stride)), stride),
        ]
        after = builder.append_basic_block("after")
        blocks = [builder.append_basic_block(f"rows{value}") for value in heights]
        # The first is also the default: no other value can occur.
        choice = builder.switch(height, blocks[0])
        for value, block, tile in zip(heights, blocks, tiles, strict=True):
            if value > 1:
                choice.add_case(integer(value), block)
            builder.position_at_end(block)
            builder.call(tile, arguments)
            builder.branch(after)
        builder.position_at_end(after)
    builder.ret_void()
    return added


def emit_product(module: Any, host: Host, panel_product: Any) -> Any:
    """Emit `product`; its arguments are `PRODUCT_TYPE`.

    Args:
        module: where to emit.
        host: the processor that the code is for.
        panel_product: the function of `emit_panel_product`.

    Returns:
        The function.
    """
    added, builder = function(module, "product", *PRODUCT_TYPE)
    emit_panels(builder, host, panel_product, *added.args)
    builder.ret_void()
    return added


def emit_panels(builder: Any, host: Host, panel_product: Any, *arguments: Any) -> None:
    """Emit the loop over the panels of a product.

    Args:
        builder: where to emit.
        host: the processor that the code is for.
        panel_product: the function of `emit_panel_product`.
        arguments: those of `PRODUCT_TYPE`; K counts steps of the arithmetic.
    """
    left, left_stride, rows, depth, packed, first, last, columns = arguments[:8]
    initial, initial_stride, result, result_stride = arguments[8:]
    width = panel_width(host)
    zeros = zero_vector(builder.module, width)
    missing = builder.icmp_unsigned("==", initial, ir.Constant(POINTER, None))
    initial_stride = builder.select(missing, integer(0), initial_stride)
    any_rows = builder.icmp_signed(">", rows, integer(0))
    with counted(builder, first, builder.select(any_rows, last, first)) as panel:
        column = builder.mul(panel, integer(width))
        given = offset(builder, initial, column)
        words = [
            *(rows, left, left_stride, depth),
            offset(builder, packed, builder.mul(column, depth)),
            *(builder.sub(columns, column), builder.select(missing, zeros, given)),
            *(initial_stride, offset(builder, result, column), result_stride),
        ]
        builder.call(panel_product, words)


def zero_vector(module: Any, width: int) -> Any:
    """Add a constant of zeros to a module, once.

    Args:
        module: the module.
        width: number of floats.

    Returns:
        The constant's address.
    """
    found = module.globals.get("zeros")
    if found is None:
        kind = ir.ArrayType(FLOAT, width)
        found = ir.GlobalVariable(module, kind, "zeros")
        found.initializer = ir.Constant(kind, None)
        found.global_constant = True
        found.linkage = "internal"
    return found
