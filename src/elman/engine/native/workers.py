"""Generated code that threads run on whole matrices: packing, product and weight gradient.

A worker's data is the header of `threads` and then the words that `arguments` names.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from llvmlite import ir

from elman.engine.native.arguments import GRADIENT_WORDS, MULTIPLY_WORDS, PACK_WORDS
from elman.engine.native.emission import (
    BOOLEAN,
    INTEGER,
    POINTER,
    counted,
    divided_up,
    function,
    integer,
    maximum,
    minimum,
    offset,
)
from elman.engine.native.products import Float32, panel_width, tile_rows, zero_vector
from elman.engine.native.target import Host
from elman.engine.native.threads import HEADER_WORDS

ROW_BLOCK = 96
"""Rows that a thread multiplies at a time: their left side stays in the second-level cache."""

_GRADIENT_DEPTH = 256  # rows of both sides that a gradient packs at a time
_FLAT_DEPTH = 32  # the same, of a gradient of no more rows than a tile
_GRADIENT_ROWS = 384  # columns of the left side that it packs at a time
_LINE = _GRADIENT_DEPTH + 16  # floats: packed lines stay out of each other's cache sets


class Called(NamedTuple):
    """The functions that workers call, for one kind of arithmetic.

    Attributes:
        arithmetic: the arithmetic.
        transpose: the function of `emit_transpose`.
        pack: packs the right side of a product.
        panel_product: the function of `emit_panel_product`.
        product: multiplies rows with a packed matrix; its arguments are `PRODUCT_TYPE`, then
            scratch memory if there is a `convert`.
        convert: rounds the left side of a product, if it must be.
    """

    arithmetic: Float32
    transpose: Any
    pack: Any
    panel_product: Any
    product: Any
    convert: Any = None


def gradient_scratch(host: Host) -> int:
    """Give the scratch memory of the gradient worker.

    Args:
        host: the processor that the code is for.

    Returns:
        Floats for each thread.
    """
    lines = _GRADIENT_ROWS + tile_rows(host)
    # Rounding, if any, makes lines half as long.
    return _GRADIENT_DEPTH * panel_width(host) + lines * _LINE + lines * _LINE // 2


class MatrixWorker:
    """A function `void(data, thread, threads)` being written, with its words loaded.

    Args:
        module: where the function goes.
        host: the processor that the code is for.
        name: its name.
        words: the names of the words behind the header.

    Attributes:
        function: the function.
        builder: where its code is emitted.
        thread: the number of the thread that runs it.
        threads: how many threads there are.
    """

    function: Any
    builder: Any
    thread: Any
    threads: Any

    def __init__(self, module: Any, host: Host, name: str, words: Sequence[str]) -> None:
        self.width = integer(panel_width(host))
        self.function, self.builder = function(module, name, POINTER, INTEGER, INTEGER)
        data, self.thread, self.threads = self.function.args
        self.words = {}
        for position, word in enumerate(words, HEADER_WORDS):
            at = self.builder.gep(data, [integer(position)], source_etype=INTEGER)
            self.words[word] = self.builder.load(at, typ=INTEGER)

    def word(self, name: str) -> Any:
        """Return a word.

        Args:
            name: its name.

        Returns:
            Its value.
        """
        return self.words[name]

    def pointer(self, name: str) -> Any:
        """Emit a word as an address.

        Args:
            name: its name.

        Returns:
            The pointer.
        """
        return self.builder.inttoptr(self.words[name], POINTER)

    def share(self, count: Any, wanted: Any) -> tuple[Any, Any]:
        """Emit the bounds of this thread's even share of some things.

        Args:
            count: how many things there are.
            wanted: whether to share them; if not, the bounds are those of everything.

        Returns:
            The first thing, and the one after the last.
        """
        builder = self.builder
        first = builder.udiv(builder.mul(count, self.thread), self.threads)
        after = builder.add(self.thread, integer(1))
        last = builder.udiv(builder.mul(count, after), self.threads)
        return builder.select(wanted, first, integer(0)), builder.select(wanted, last, count)

    def part(self) -> tuple[Any, Any, Any, Any]:
        """Emit this thread's part of a product.

        Returns:
            First and last row, first and last panel; the last ones are one beyond.
        """
        builder = self.builder
        by_rows = builder.icmp_signed("!=", self.word("by_rows"), integer(0))
        rows = self.share(self.word("rows"), by_rows)
        return *rows, *self.share(self.panels(), builder.not_(by_rows))

    def row(self, name: str, row: Any) -> Any:
        """Emit the address of a row of a matrix.

        Args:
            name: the name of the word with its address; that of its stride is longer.
            row: which row.

        Returns:
            The pointer.
        """
        before = self.builder.mul(row, self.word(f"{name}_stride"))
        return offset(self.builder, self.pointer(name), before)

    def panels(self) -> Any:
        """Emit the number of panels of the columns."""
        return divided_up(self.builder, self.word("columns"), self.width)

    def valid(self, column: Any) -> Any:
        """Emit the number of valid columns in a panel.

        Args:
            column: where the panel starts.

        Returns:
            The number.
        """
        builder = self.builder
        return minimum(builder, builder.sub(self.word("columns"), column), self.width)

    def balanced(self, count: Any, largest: int, unit: int) -> Any:
        """Emit a size of blocks which splits things evenly.

        Args:
            count: how many things there are.
            largest: the largest size.
            unit: the size is a multiple of it.

        Returns:
            The size.
        """
        builder = self.builder
        blocks = maximum(builder, divided_up(builder, count, integer(largest)), integer(1))
        units = divided_up(builder, divided_up(builder, count, blocks), integer(unit))
        return maximum(builder, builder.mul(units, integer(unit)), integer(unit))


def emit_pack_worker(module: Any, host: Host, called: Called) -> Any:
    """Emit the worker that packs a matrix; threads share out its panels.

    Args:
        module: where to emit.
        host: the processor that the code is for.
        called: what it calls.

    Returns:
        A worker for `emit_entry`; its words are `PACK_WORDS`.
    """
    worker = MatrixWorker(module, host, "pack_worker", PACK_WORDS)
    builder = worker.builder
    depth, stride = worker.word("depth"), worker.word("column_stride")
    begin, end = worker.share(worker.panels(), ir.Constant(BOOLEAN, 1))
    first = builder.mul(begin, worker.width)
    last = minimum(builder, builder.mul(end, worker.width), worker.word("columns"))
    before = builder.mul(first, called.arithmetic.steps(builder, depth))
    arguments = [
        offset(builder, worker.pointer("source"), builder.mul(first, stride)),
        *(worker.word("row_stride"), stride, depth, builder.sub(last, first)),
        offset(builder, worker.pointer("packed"), before),
    ]
    builder.call(called.pack, arguments)
    builder.ret_void()
    return worker.function


def emit_multiply_worker(module: Any, host: Host, called: Called) -> Any:
    """Emit the worker that multiplies any number of rows with a packed matrix.

    Args:
        module: where to emit.
        host: the processor that the code is for.
        called: what it calls.

    Returns:
        A worker for `emit_entry`; its words are `MULTIPLY_WORDS`.
    """
    worker = MatrixWorker(module, host, "multiply_worker", MULTIPLY_WORDS)
    builder = worker.builder
    first_row, last_row, first_panel, last_panel = worker.part()
    rows_block = worker.balanced(builder.sub(last_row, first_row), ROW_BLOCK, tile_rows(host))
    initial = worker.pointer("initial")
    is_given = builder.icmp_unsigned("!=", worker.word("initial"), integer(0))
    stride = builder.select(is_given, worker.word("initial_stride"), integer(0))
    with counted(builder, first_row, last_row, rows_block) as row:
        arguments = [
            *(worker.row("left", row), worker.word("left_stride")),
            minimum(builder, rows_block, builder.sub(last_row, row)),
            *(worker.word("depth"), worker.pointer("packed"), first_panel, last_panel),
            worker.word("columns"),
            *(offset(builder, initial, builder.mul(row, stride)), stride),
            *(worker.row("result", row), worker.word("result_stride")),
        ]
        if called.convert is not None:
            size = builder.mul(worker.word("scratch_line"), integer(ROW_BLOCK))
            mine = builder.mul(worker.thread, size)
            arguments.append(offset(builder, worker.pointer("scratch"), mine))
        builder.call(called.product, arguments)
    builder.ret_void()
    return worker.function


def emit_gradient_worker(module: Any, host: Host, called: Called) -> Any:
    """Emit the worker that sums products of rows over time: the gradient of a weight.

    Both sides are packed a block of rows at a time: lines of the originals, far apart, would
    push each other out of the cache. Each element is summed in one order, however rows or panels
    are shared out.

    Args:
        module: where to emit.
        host: the processor that the code is for.
        called: what it calls.

    Returns:
        A worker for `emit_entry`; its words are `GRADIENT_WORDS`.
    """
    worker = MatrixWorker(module, host, "gradient_worker", GRADIENT_WORDS)
    builder = worker.builder
    first_row, last_row, first_panel, last_panel = worker.part()
    rows_block = worker.balanced(builder.sub(last_row, first_row), _GRADIENT_ROWS, tile_rows(host))
    mine = builder.mul(worker.thread, integer(gradient_scratch(host)))
    packed_right = offset(builder, worker.pointer("scratch"), mine)
    lines = offset(builder, packed_right, integer(_GRADIENT_DEPTH * panel_width(host)))
    depth, left_stride = worker.word("depth"), worker.word("left_stride")
    # A gradient of few rows only streams the right side: small blocks let lines be read ahead.
    is_flat = builder.icmp_signed("<=", worker.word("rows"), integer(tile_rows(host)))
    block = builder.select(is_flat, integer(_FLAT_DEPTH), integer(_GRADIENT_DEPTH))
    # Without depth the result is zero: one round in any case.
    with counted(builder, integer(0), maximum(builder, depth, integer(1)), block) as m:
        size = minimum(builder, builder.sub(depth, m), block)
        steps = called.arithmetic.steps(builder, size)
        with counted(builder, first_row, last_row, rows_block) as row:
            rows = minimum(builder, rows_block, builder.sub(last_row, row))
            source = offset(builder, worker.row("left", m), row)
            builder.call(called.transpose, [source, left_stride, size, rows, lines, integer(_LINE)])
            left = lines, integer(_LINE)
            if called.convert is not None:
                whole = integer((_GRADIENT_ROWS + tile_rows(host)) * _LINE)
                converted = offset(builder, lines, whole), integer(_LINE // 2)
                builder.call(called.convert, [*left, rows, size, *converted])
                left = converted
            with counted(builder, first_panel, last_panel) as panel:
                column = builder.mul(panel, worker.width)
                valid = worker.valid(column)
                source = offset(builder, worker.row("right", m), column)
                stride = worker.word("right_stride")
                words = [source, stride, integer(1), size, valid, packed_right]
                builder.call(called.pack, words)
                result = offset(builder, worker.row("result", row), column)
                initial = _from_zero(worker, m, result)
                arguments = [*left, steps, packed_right, valid, *initial, result]
                stride = worker.word("result_stride")
                builder.call(called.panel_product, [rows, *arguments, stride])
    builder.ret_void()
    return worker.function


def _from_zero(worker: MatrixWorker, m: Any, result: Any) -> tuple[Any, Any]:
    """Emit where the sums of a block of rows start: at zero, then where the last block ended."""
    builder = worker.builder
    is_first = builder.icmp_signed("==", m, integer(0))
    zeros = zero_vector(builder.module, worker.width.constant)
    stride = builder.select(is_first, integer(0), worker.word("result_stride"))
    return builder.select(is_first, zeros, result), stride
