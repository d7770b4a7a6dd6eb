"""Native code of a program over time: the worker that each thread runs."""

from typing import Any

from llvmlite import ir

from elman.engine.compiler.schedule import Multiply, Place, Schedule
from elman.engine.native.bfloat16 import ROUNDED_PRODUCT_TYPE
from elman.engine.native.emission import (
    BOOLEAN,
    FLOAT,
    INTEGER,
    POINTER,
    carried,
    carry,
    counted,
    divided_up,
    function,
    integer,
)
from elman.engine.native.kernels import Precision
from elman.engine.native.layout import Layout
from elman.engine.native.products import PRODUCT_TYPE, panel_width
from elman.engine.native.rows import RowProgram, after, load_word, place_address
from elman.engine.native.target import Host
from elman.engine.native.threads import emit_barrier, emit_entry
from elman.engine.native.vector import VectorBuilder

WORKER = (POINTER, INTEGER, INTEGER)
"""Arguments of a worker: words, thread, threads."""


class Worker:
    """Emits the function that runs a schedule from the first step to the last.

    Args:
        module: where the function and its row programs go.
        host: the processor that the code is for.
        schedule: what a step does.
        layout: where the argument's words are.
        precision: what products round their factors to.
        ragged: whether rows may sit out steps and be reset.
        backward: whether time is walked in reverse.
    """

    def __init__(
        self,
        module: Any,
        host: Host,
        schedule: Schedule,
        layout: Layout,
        precision: Precision,
        *,
        ragged: bool,
        backward: bool,
    ) -> None:
        def vector(builder: Any) -> VectorBuilder:
            return VectorBuilder(builder, host)

        self._panel = panel_width(host)
        self._rounded = precision == "bfloat16"
        self._layout = layout
        self._stages: list[tuple[Any, tuple[Multiply, ...]]] = []
        for number, stage in enumerate(schedule.stages):
            rows = None
            if stage.loops:
                rows = RowProgram(
                    *(module, f"rows_{number}", schedule, stage, layout, vector),
                    ragged=ragged,
                    backward=backward,
                ).function
            self._stages.append((rows, stage.products))
        self._barrier = emit_barrier(module)
        self.function, self._builder = function(module, "worker", *WORKER)
        self._words, self._thread, self._threads = self.function.args
        self._emit(backward)

    def _word(self, name: str) -> Any:
        return load_word(self._builder, self._words, self._layout.header(name))

    def _share(self, count: Any) -> tuple[Any, Any]:
        """Emit the bounds of this thread's even share of some things."""
        build = self._builder
        bounds = [
            build.udiv(build.mul(count, thread), self._threads)
            for thread in (self._thread, build.add(self._thread, integer(1)))
        ]
        return bounds[0], bounds[1]

    def _emit(self, backward: bool) -> None:
        build = self._builder
        begin, end, rows = self._word("begin"), self._word("end"), self._word("rows")
        self._shared = build.icmp_signed("!=", self._word("shared"), integer(0))
        self._mine = self._share(rows)
        first = build.select(self._shared, integer(0), self._mine[0])
        last = build.select(self._shared, rows, self._mine[1])
        self._multiplied = first, last
        with counted(build, begin, end) as number:
            step = number
            if backward:
                step = build.sub(build.sub(build.add(begin, end), integer(1)), number)
            for row_program, products in self._stages:
                if row_program is not None:
                    build.call(row_program, [self._words, step, *self._mine, self._thread])
                if products:
                    self._wait()
                    for product in products:
                        self._multiply(product, step)
                    self._wait()
        build.ret_void()

    def _wait(self) -> None:
        """Emit a barrier, needed where threads read what others wrote."""
        build = self._builder
        with build.if_then(self._shared):
            build.call(self._barrier, [self._pointer(self._word("barrier")), self._threads])

    def _multiply(self, product: Multiply, step: Any) -> None:
        build = self._builder
        first, last = self._multiplied
        panels = divided_up(build, integer(product.width), integer(self._panel))
        share = self._share(panels)
        begin = build.select(self._shared, share[0], integer(0))
        end = build.select(self._shared, share[1], panels)
        left, left_stride = self._rows(product.left, step)
        result, result_stride = self._rows(product.result, step)
        initial, initial_stride = integer(0), integer(0)
        if product.initial is not None:
            initial, initial_stride = self._rows(product.initial, step)
        place = self._layout.matrix(product.matrix)
        weight, called = (load_word(build, self._words, place + word) for word in range(2))
        depth = integer(product.left_width)
        if product.gate is not None:
            depth = build.select(self._is_open(product.gate, step), depth, integer(0))
        arguments = [
            *(self._pointer(left), left_stride, build.sub(last, first), depth),
            *(self._pointer(weight), begin, end, integer(product.width)),
            *(self._pointer(initial), initial_stride),
            *(self._pointer(result), result_stride),
        ]
        kind: tuple[Any, ...] = PRODUCT_TYPE
        if self._rounded:
            kind = ROUNDED_PRODUCT_TYPE
            own = build.mul(self._thread, self._word("scratch_stride"))
            arguments.append(self._pointer(after(build, self._word("scratch"), own)))
        kernel = ir.FunctionType(ir.VoidType(), kind).as_pointer()
        build.call(build.inttoptr(called, kernel), arguments)

    def _is_open(self, gate: Place, step: Any) -> Any:
        """Emit whether any row's gate is open."""
        build = self._builder
        address, stride = self._rows(gate, step)
        first, last = self._multiplied
        with counted(build, integer(0), build.sub(last, first)) as row:
            (found,) = carried(build, row, [ir.Constant(BOOLEAN, 0)])
            flag = self._pointer(after(build, address, build.mul(row, stride)))
            value = build.load(flag, typ=FLOAT)
            is_open = build.fcmp_unordered("!=", value, ir.Constant(FLOAT, 0.0))
            carry(build, [found], [build.or_(found, is_open)])
        return found

    def _rows(self, place: Any, step: Any) -> tuple[Any, Any]:
        build = self._builder
        address, stride = place_address(build, self._words, self._layout, place, step)
        return after(build, address, build.mul(self._multiplied[0], stride)), stride

    def _pointer(self, address: Any) -> Any:
        return self._builder.inttoptr(address, POINTER)


def emit(
    schedule: Schedule,
    layout: Layout,
    host: Host,
    precision: Precision,
    *,
    ragged: bool,
    backward: bool,
) -> Any:
    """Emit a schedule's code.

    Args:
        schedule: what a step does.
        layout: where the argument's words are.
        host: the processor that the code is for.
        precision: what products round their factors to.
        ragged: whether rows may sit out steps and be reset.
        backward: whether time is walked in reverse.

    Returns:
        A module whose function `entry` takes the words.
    """
    module = ir.Module("cell")
    worker = Worker(module, host, schedule, layout, precision, ragged=ragged, backward=backward)
    emit_entry(module, worker.function)
    return module
