"""Vector code: what a program computes feature by feature, on as many features as a vector holds.

No operation has a fast-math flag: a NaN passes through all of them, and each rounds as the eager
one does, but for the functions of `transcendental`.
"""

import ctypes
from collections.abc import Callable
from typing import Any

from llvmlite import ir

from elman.engine.native import transcendental
from elman.engine.native.emission import BOOLEAN, FLOAT, POINTER, VOID, intrinsic, splat
from elman.engine.native.target import Host

_LANE = ir.IntType(32)
_ALIGNMENT = ir.Constant(_LANE, 4)


class VectorBuilder:
    """Emits float32 vectors, as wide as the processor's registers.

    Args:
        builder: where to emit; the vector code goes where it stands.
        host: the processor that the code is for.

    Attributes:
        builder: where code is emitted.
        host: the processor that the code is for.
        lanes: float32 numbers in a vector.
        type: the type of a vector.
    """

    builder: Any
    host: Host
    lanes: int
    type: Any

    def __init__(self, builder: Any, host: Host) -> None:
        self.builder = builder
        self.host = host
        self.lanes = host.lanes
        self.type = ir.VectorType(FLOAT, host.lanes)
        self._constants: dict[str, Any] = {}
        self._conditions: dict[Any, Any] = {}  # comparisons as 1.0 or 0.0, and the bits behind

    def constant(self, value: float) -> Any:
        """Make a vector of one number.

        Args:
            value: the number, rounded to float32.

        Returns:
            The constant.
        """
        key = repr(value)  # tells 0.0 from -0.0
        if key not in self._constants:
            single = ctypes.c_float(value).value  # infinite where it is beyond float32
            self._constants[key] = ir.Constant(self.type, [single] * self.lanes)
        return self._constants[key]

    def splat(self, scalar: Any) -> Any:
        """Emit a vector whose lanes are all one float.

        Args:
            scalar: the float.

        Returns:
            The vector.
        """
        return splat(self.builder, scalar, self.lanes)

    def load(self, pointer: Any, count: int | None = None) -> Any:
        """Emit the load of a vector; nothing beyond its last float is read.

        Args:
            pointer: address of the first float.
            count: how many floats, all lanes if not given; the lanes beyond are zero.

        Returns:
            The vector.
        """
        if count is None or count == self.lanes:
            return self.builder.load(pointer, align=4, typ=self.type)
        name = f"llvm.masked.load.v{self.lanes}f32.p0"
        mask = self._first(count)
        load = self.intrinsic(name, self.type, POINTER, _LANE, mask.type, self.type)
        return self.builder.call(load, [pointer, _ALIGNMENT, mask, self.constant(0.0)])

    def store(self, value: Any, pointer: Any, count: int | None = None) -> None:
        """Emit the store of a vector; nothing beyond its last float is written.

        Args:
            value: the vector.
            pointer: address of the first float.
            count: how many floats, all lanes if not given.
        """
        if count is None or count == self.lanes:
            self.builder.store(value, pointer, align=4)
            return
        name = f"llvm.masked.store.v{self.lanes}f32.p0"
        mask = self._first(count)
        store = self.intrinsic(name, VOID, self.type, POINTER, _LANE, mask.type)
        self.builder.call(store, [value, pointer, _ALIGNMENT, mask])

    def fill(self, value: Any, count: int, neutral: float) -> Any:
        """Emit the replacement of the lanes that are beyond a row's end.

        Args:
            value: the vector.
            count: how many lanes stay.
            neutral: the number in the other lanes.

        Returns:
            The vector.
        """
        if count == self.lanes:
            return value
        return self.builder.select(self._first(count), value, self.constant(neutral))

    def horizontal(self, op: str, value: Any) -> Any:
        """Emit the reduction of a vector over its lanes, in an order that is always the same.

        Args:
            op: `sum` or `amax`.
            value: the vector.

        Returns:
            A vector with the result in every lane.
        """
        combine = {"sum": "add", "amax": "maximum"}[op]
        distance = self.lanes // 2
        while distance:
            order = [lane ^ distance for lane in range(self.lanes)]
            partner = self.builder.shuffle_vector(
                value,
                ir.Constant(self.type, ir.Undefined),
                ir.Constant(ir.VectorType(_LANE, self.lanes), order),
            )
            value = self.emit(combine, value, partner)
            distance //= 2
        return value

    def emit(self, op: str, *operands: Any) -> Any:
        """Emit a pointwise operation.

        Args:
            op: one of `elman.engine.compiler.program.POINTWISE`, or `fma`.
            operands: as many vectors as the operation takes.

        Returns:
            The vector of results.

        Raises:
            KeyError: there is no such operation.
        """
        return _OPERATIONS[op](self, *operands)

    def fma(self, left: Any, right: Any, total: Any) -> Any:
        """Emit `left * right + total`, rounded once where the processor can.

        Args:
            left: a vector.
            right: a vector.
            total: a vector.

        Returns:
            The vector of results.
        """
        if not self.host.has_fma:  # llvm.fma would call the C library once a lane
            return self.builder.fadd(self.builder.fmul(left, right), total)
        return self._function("fma", left, right, total)

    def intrinsic(self, name: str, result: Any, *arguments: Any) -> Any:
        """Declare an intrinsic function of LLVM.

        Args:
            name: its full name.
            result: type of its result.
            arguments: types of its arguments.

        Returns:
            The declared function.
        """
        return intrinsic(self.builder.module, name, result, *arguments)

    def _first(self, count: int) -> Any:
        kind = ir.VectorType(BOOLEAN, self.lanes)
        return ir.Constant(kind, [int(lane < count) for lane in range(self.lanes)])

    def _function(self, name: str, *operands: Any) -> Any:
        """Emit a call of an LLVM function of vectors."""
        function = self.intrinsic(
            f"llvm.{name}.v{self.lanes}f32", self.type, *(self.type for _ in operands)
        )
        return self.builder.call(function, operands)

    def _maximum(self, left: Any, right: Any) -> Any:
        return self._extremum(">", left, right)

    def _minimum(self, left: Any, right: Any) -> Any:
        return self._extremum("<", left, right)

    def _extremum(self, order: str, left: Any, right: Any) -> Any:
        build = self.builder
        # One instruction, which gives the right one where either is NaN.
        found = build.select(build.fcmp_ordered(order, left, right), left, right)
        return build.select(build.fcmp_unordered("uno", left, left), left, found)

    def _compare(self, order: str, left: Any, right: Any) -> Any:
        condition = self.builder.fcmp_ordered(order, left, right)
        value = self.builder.select(condition, self.constant(1.0), self.constant(0.0))
        self._conditions[value] = condition
        return value

    def _where(self, condition: Any, left: Any, right: Any) -> Any:
        bits = self._conditions.get(condition)
        if bits is None:
            bits = self.builder.fcmp_unordered("!=", condition, self.constant(0.0))
        return self.builder.select(bits, left, right)


_OPERATIONS: dict[str, Callable[..., Any]] = {
    "neg": lambda vector, x: vector.builder.fneg(x),
    "exp": transcendental.exp,
    "log": transcendental.log,
    "tanh": transcendental.tanh,
    "sigmoid": transcendental.sigmoid,
    "sqrt": lambda vector, x: vector._function("sqrt", x),
    "abs": lambda vector, x: vector._function("fabs", x),
    "floor": lambda vector, x: vector._function("floor", x),
    "sin": transcendental.sin,
    "cos": transcendental.cos,
    "add": lambda vector, left, right: vector.builder.fadd(left, right),
    "sub": lambda vector, left, right: vector.builder.fsub(left, right),
    "mul": lambda vector, left, right: vector.builder.fmul(left, right),
    "div": lambda vector, left, right: vector.builder.fdiv(left, right),
    "fma": VectorBuilder.fma,
    "maximum": VectorBuilder._maximum,
    "minimum": VectorBuilder._minimum,
    "lt": lambda vector, left, right: vector._compare("<", left, right),
    "le": lambda vector, left, right: vector._compare("<=", left, right),
    "eq": lambda vector, left, right: vector._compare("==", left, right),
    "where": VectorBuilder._where,
}
