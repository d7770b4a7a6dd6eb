"""Vector code in float64: the arithmetic and the hyperbolic tangent that reservoirs need.

The tangent errs by at most 3 units in the last place, and by 0.5 on average; by 5 and 0.7 where the
processor does not add to a product in one instruction.
"""

import math
from collections.abc import Sequence
from typing import Any

from llvmlite import ir

from elman.engine.native.emission import INTEGER, intrinsic, splat
from elman.engine.native.target import Host

DOUBLE = ir.DoubleType()

# tanh(z) = z p(z^2) / q(z^2), |z| <= ln(2) / 4: Pade's approximation, whose error is 5e-19. The
# lowest power comes first.
_NUMERATOR = (10395.0, 1260.0, 21.0)
_DENOMINATOR = (10395.0, 4725.0, 210.0, 1.0)
# Added to a small number and taken away again, it leaves the nearest whole number; until then
# that number stands in the lowest bits.
_ROUNDING = 1.5 * 2.0**52
_BIAS = 1023
_MANTISSA_BITS = 52
_SIGN = -(2**63)
_FLAT = 20.0  # from here on the tangent is 1


class DoubleBuilder:
    """Emits float64 vectors, as wide as the processor's registers.

    Args:
        builder: where to emit.
        host: the processor that the code is for.

    Attributes:
        builder: where code is emitted.
        lanes: float64 numbers in a vector.
        element: the type of a number.
        type: the type of a vector.
    """

    builder: Any
    lanes: int
    element: Any
    type: Any

    def __init__(self, builder: Any, host: Host) -> None:
        self.builder = builder
        self.lanes = host.lanes // 2
        self.element = DOUBLE
        self.type = ir.VectorType(DOUBLE, self.lanes)
        self._fused = host.has_fma

    def constant(self, value: float) -> Any:
        """Make a vector of one number.

        Args:
            value: the number.

        Returns:
            The constant.
        """
        return ir.Constant(self.type, [value] * self.lanes)

    def splat(self, scalar: Any) -> Any:
        """Emit a vector whose lanes are all one number.

        Args:
            scalar: the number.

        Returns:
            The vector.
        """
        return splat(self.builder, scalar, self.lanes)

    def load(self, pointer: Any) -> Any:
        """Emit the load of a vector.

        Args:
            pointer: address of the first number.

        Returns:
            The vector.
        """
        return self.builder.load(pointer, align=8, typ=self.type)

    def store(self, value: Any, pointer: Any) -> None:
        """Emit the store of a vector.

        Args:
            value: the vector.
            pointer: address of the first number.
        """
        self.builder.store(value, pointer, align=8)

    def fma(self, left: Any, right: Any, total: Any) -> Any:
        """Emit `left * right + total`, rounded once where the processor can.

        Args:
            left: a vector.
            right: a vector.
            total: a vector.

        Returns:
            The vector of results.
        """
        if not self._fused:  # llvm.fma would call the C library once a lane
            return self.builder.fadd(self.builder.fmul(left, right), total)
        kinds = [self.type] * 4
        function = intrinsic(self.builder.module, f"llvm.fma.v{self.lanes}f64", *kinds)
        return self.builder.call(function, [left, right, total])

    def tanh(self, x: Any) -> Any:
        """Emit the hyperbolic tangent.

        With `|x| = z + k ln(2) / 2` and `e = 2^-k` it is the tangent of a sum,
        `((1 - e) q + (1 + e) z p) / ((1 + e) q + (1 - e) z p)`, computed without cancellation.

        Args:
            x: the argument.

        Returns:
            Its result, never beyond 1; NaN stays.
        """
        build = self.builder
        one, flat = self.constant(1.0), self.constant(_FLAT)
        sign = build.and_(self._bits(x), self._integers(_SIGN))
        size = build.bitcast(build.xor(self._bits(x), sign), self.type)
        size = build.select(build.fcmp_ordered("<", flat, size), flat, size)
        shift = self.constant(_ROUNDING + _BIAS)
        shifted = self.fma(size, self.constant(-2 * math.log2(math.e)), shift)
        moved = build.shl(self._bits(shifted), self._integers(_MANTISSA_BITS))
        power = build.bitcast(moved, self.type)
        exponent = build.fsub(shifted, shift)
        # The exponent is small: one part of ln 2 is enough.
        z = self.fma(exponent, self.constant(math.log(2) / 2), size)
        square = build.fmul(z, z)
        odd = build.fmul(z, self._polynomial(square, _NUMERATOR))
        even = self._polynomial(square, _DENOMINATOR)
        less, more = build.fsub(one, power), build.fadd(one, power)
        top = self.fma(less, even, build.fmul(more, odd))
        bottom = self.fma(more, even, build.fmul(less, odd))
        result = build.fdiv(top, bottom)
        return build.bitcast(build.or_(self._bits(result), sign), self.type)

    def _polynomial(self, x: Any, coefficients: Sequence[float]) -> Any:
        """Emit a polynomial, the coefficient of the lowest power first."""
        result = self.constant(coefficients[-1])
        for coefficient in reversed(coefficients[:-1]):
            result = self.fma(result, x, self.constant(coefficient))
        return result

    def _bits(self, x: Any) -> Any:
        return self.builder.bitcast(x, ir.VectorType(INTEGER, self.lanes))

    def _integers(self, value: int) -> Any:
        return ir.Constant(ir.VectorType(INTEGER, self.lanes), [value] * self.lanes)
