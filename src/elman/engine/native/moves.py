"""Generated code that threads run on memory: sums of rows, transposition, chosen rows.

A worker's data is the header of `threads` and then the words that `arguments` names.
"""

from typing import Any

from llvmlite import ir

from elman.engine.native.arguments import COLLECT_WORDS, SUM_WORDS, TRANSPOSE_WORDS
from elman.engine.native.emission import (
    BOOLEAN,
    FLOAT,
    INTEGER,
    Lanes,
    carried,
    carry,
    counted,
    integer,
    offset,
)
from elman.engine.native.target import Host
from elman.engine.native.workers import MatrixWorker


def emit_sum_worker(module: Any, host: Host) -> Any:
    """Emit the worker that sums rows; threads share out the columns.

    Args:
        module: where to emit.
        host: the processor that the code is for.

    Returns:
        A worker for `emit_entry`; its words are `SUM_WORDS`.
    """
    worker = MatrixWorker(module, host, "sum_worker", SUM_WORDS)
    builder, lanes = worker.builder, Lanes(module, host)
    begin, end = worker.share(worker.word("columns"), ir.Constant(BOOLEAN, 1))
    any_rows = builder.icmp_signed(">", worker.word("rows"), integer(0))
    # Without rows no lane of the first one is read, and all are zero.
    end_of_first = builder.select(any_rows, end, integer(0))
    with counted(builder, begin, end, lanes.count) as column:
        valid = lanes.below(builder, builder.sub(end_of_first, column))
        total = lanes.load(builder, offset(builder, worker.pointer("source"), column), valid)
        mask = lanes.below(builder, builder.sub(end, column))
        with counted(builder, integer(1), worker.word("rows")) as row:
            (before,) = carried(builder, row, [total])
            line = offset(builder, worker.pointer("source"), column)
            line = offset(builder, line, builder.mul(row, worker.word("stride")))
            carry(builder, [before], [builder.fadd(before, lanes.load(builder, line, mask))])
        target = offset(builder, worker.pointer("target"), column)
        lanes.store(builder, before, target, mask)
    builder.ret_void()
    return worker.function


def emit_transpose_worker(module: Any, host: Host, transpose: Any) -> Any:
    """Emit the worker that transposes a matrix, on one thread.

    Args:
        module: where to emit.
        host: the processor that the code is for.
        transpose: the function of `emit_transpose`.

    Returns:
        A worker for `emit_entry`; its words are `TRANSPOSE_WORDS`.
    """
    worker = MatrixWorker(module, host, "transpose_worker", TRANSPOSE_WORDS)
    matrix = (worker.word(name) for name in ("source_stride", "rows", "columns"))
    target = worker.pointer("target"), worker.word("target_stride")
    worker.builder.call(transpose, [worker.pointer("source"), *matrix, *target])
    worker.builder.ret_void()
    return worker.function


def emit_collect_worker(module: Any, host: Host) -> Any:
    """Emit the worker that puts chosen rows one behind the other; threads share out the columns.

    Args:
        module: where to emit.
        host: the processor that the code is for.

    Returns:
        A worker for `emit_entry`; its words are `COLLECT_WORDS`.
    """
    worker = MatrixWorker(module, host, "collect_worker", COLLECT_WORDS)
    builder, lanes = worker.builder, Lanes(module, host)
    columns = worker.word("columns")
    begin, end = worker.share(columns, ir.Constant(BOOLEAN, 1))
    with counted(builder, integer(0), worker.word("rows")) as row:
        (found,) = carried(builder, row, [integer(0)])
        flag = offset(builder, worker.row("gate", row))
        gate = builder.load(flag, align=4, typ=FLOAT)
        is_open = builder.fcmp_unordered("!=", gate, ir.Constant(FLOAT, 0.0))
        to = offset(builder, worker.pointer("target"), builder.mul(found, columns))
        with (
            builder.if_then(is_open),
            counted(builder, begin, end, lanes.count) as column,
        ):
            mask = lanes.below(builder, builder.sub(end, column))
            line = offset(builder, worker.row("source", row), column)
            lanes.store(builder, lanes.load(builder, line, mask), offset(builder, to, column), mask)
        carry(builder, [found], [builder.add(found, builder.zext(is_open, INTEGER))])
    with builder.if_then(builder.icmp_signed("==", worker.thread, integer(0))):
        builder.store(found, worker.pointer("count"))
    builder.ret_void()
    return worker.function
