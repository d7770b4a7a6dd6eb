"""The exponential function and its relatives as vector code.

Each reduces its argument to a small interval and evaluates a polynomial there, whose coefficients
are those of the smallest relative error. The errors found, in units in the last place: exp 1.2,
log 0.8, tanh and sigmoid 2.5, sin and cos 1.5 but where the result is so small that 1e-9 is more.
NaN and the infinities give what the functions give; a result below the smallest normal number
may be 0.

References:
    Moshier (1989). Methods and Programs for Mathematical Functions. Ellis Horwood. The
        reduction of the arguments of log, sin and cos is that of its Cephes library.
"""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from llvmlite import ir

if TYPE_CHECKING:
    from elman.engine.native.vector import VectorBuilder

_LOG2_E = math.log2(math.e)
# ln 2 in two parts: a whole number times the first is exact.
_LN2_HIGH, _LN2_LOW = 0.693359375, -2.12194440e-4

# expm1(r) = r + r^2 h(r), |r| <= ln(2) / 2
_EXPM1 = (0.50000001, 0.16666543, 0.04166628, 0.00836661, 0.00139465)
# log1p(f) = f - f^2 / 2 + f^3 g(f), sqrt(1/2) <= 1 + f <= sqrt(2)
_LOG1P = (
    *(0.33333331557725987, -0.2500082609419197, 0.20001246332910952, -0.16623179755241121),
    *(0.14201144802389082, -0.13161390061494316, 0.1276681478818895, -0.07637936252187205),
)
# sin(r) = r + r^3 s(r^2) and cos(r) = 1 - r^2 / 2 + r^4 c(r^2), |r| <= pi / 4
_SIN = (-1.6666654611e-1, 8.3321608736e-3, -1.9515295891e-4)
_COS = (4.166664568298827e-2, -1.388731625493765e-3, 2.443315711809948e-5)
_HALF_PI = (1.5703125, 4.837512969970703125e-4, 7.54978995489188216e-8)
_LARGEST_ANGLE = 8192.0  # beyond it the parts of pi / 2 are too few

# Added to a small number and taken away again, it leaves the nearest whole number; until then
# that number stands in the lowest bits.
_ROUNDING = 1.5 * 2.0**23
_BITS_OF_ROUNDING = 0x4B400000
_BIAS = 127
_MANTISSA_BITS = 23
_SIGN = -(2**31)
_SMALLEST_NORMAL = 2.0**-126


def exp(vector: "VectorBuilder", x: Any) -> Any:
    """Emit the exponential function.

    Args:
        vector: where to emit.
        x: the argument.

    Returns:
        Its result.
    """
    build = vector.builder
    x = _not_above(vector, _not_below(vector, x, -104.5), 89.5)
    shifted = vector.fma(x, vector.constant(_LOG2_E), vector.constant(_ROUNDING))
    exponent = build.fsub(shifted, vector.constant(_ROUNDING))
    fraction = _exp_of_fraction(vector, x, exponent)
    if vector.host.lanes == 16:
        name = "llvm.x86.avx512.mask.scalef.ps.512"
        short, number = ir.IntType(16), ir.IntType(32)
        scale = vector.intrinsic(name, vector.type, *[vector.type] * 3, short, number)
        lanes, as_set = ir.Constant(short, -1), ir.Constant(number, 4)
        return build.call(scale, [fraction, exponent, fraction, lanes, as_set])
    # Two factors, as 2^exponent alone may be too large or too small for a number.
    whole = build.sub(_bits(vector, shifted), _integers(vector, _BITS_OF_ROUNDING))
    half = build.ashr(whole, _integers(vector, 1))
    rest = build.sub(whole, half)
    for part in (half, rest):
        biased = build.add(part, _integers(vector, _BIAS))
        fraction = build.fmul(fraction, _power_of_two(vector, biased))
    return fraction


def log(vector: "VectorBuilder", x: Any) -> Any:
    """Emit the natural logarithm.

    Args:
        vector: where to emit.
        x: the argument.

    Returns:
        Its result.
    """
    build = vector.builder
    zero, one, infinity = (vector.constant(value) for value in (0.0, 1.0, math.inf))
    tiny = build.fcmp_ordered("<", x, vector.constant(_SMALLEST_NORMAL))
    scaled = build.select(tiny, build.fmul(x, vector.constant(2.0**_MANTISSA_BITS)), x)
    bits = _bits(vector, scaled)
    above_root = build.sub(bits, _integers(vector, 0x3F3504F3))  # the bits of sqrt(1/2)
    exponent = build.sitofp(build.ashr(above_root, _integers(vector, _MANTISSA_BITS)), vector.type)
    offset = build.select(tiny, vector.constant(-_MANTISSA_BITS), zero)
    exponent = build.fadd(exponent, offset)
    power = build.and_(above_root, _integers(vector, -(2**_MANTISSA_BITS)))
    f = build.fsub(build.bitcast(build.sub(bits, power), vector.type), one)
    square = build.fmul(f, f)
    result = build.fmul(build.fmul(f, square), _polynomial(vector, f, _LOG1P))
    result = vector.fma(exponent, vector.constant(_LN2_LOW), result)
    result = build.fadd(f, vector.fma(square, vector.constant(-0.5), result))
    result = vector.fma(exponent, vector.constant(_LN2_HIGH), result)
    positive = build.fcmp_ordered(">", x, zero)
    usual = build.and_(positive, build.fcmp_ordered("<", x, infinity))
    special = build.select(build.fcmp_ordered("<", x, zero), vector.constant(math.nan), x)
    at_zero = build.fcmp_ordered("==", x, zero)
    special = build.select(at_zero, vector.constant(-math.inf), special)
    return build.select(usual, result, special)


def tanh(vector: "VectorBuilder", x: Any) -> Any:
    """Emit the hyperbolic tangent.

    It is `m / (2 - m)` with `m = 1 - exp(-2 |x|)`, computed without cancellation.

    Args:
        vector: where to emit.
        x: the argument.

    Returns:
        Its result, never beyond 1.
    """
    build = vector.builder
    one, two = vector.constant(1.0), vector.constant(2.0)
    size = _not_above(vector, vector.emit("abs", x), 9.5)
    shift = vector.constant(_ROUNDING + _BIAS)
    shifted = vector.fma(size, vector.constant(-2 * _LOG2_E), shift)
    power = _power_of_two(vector, _bits(vector, shifted))
    exponent = build.fsub(shifted, shift)
    # The exponent is small: one part of ln 2 is enough. The remainder is -r / 2.
    remainder = vector.fma(exponent, vector.constant(math.log(2) / 2), size)
    scaled = [c * (-2.0) ** degree for degree, c in enumerate((1.0, *_EXPM1), start=1)]
    negative = build.fmul(remainder, _polynomial(vector, remainder, [-c for c in scaled]))
    m = vector.fma(negative, power, build.fsub(one, power))
    result = build.fdiv(m, build.fsub(two, m))
    return _with_bits(vector, "or_", result, _signs(vector, x))


def sigmoid(vector: "VectorBuilder", x: Any) -> Any:
    """Emit the logistic function `1 / (1 + exp(-x))`.

    With `e = exp(-|x|)` it is `1 / (1 + e)` above zero and `e / (1 + e)` below.

    Args:
        vector: where to emit.
        x: the argument.

    Returns:
        Its result.
    """
    build = vector.builder
    one = vector.constant(1.0)
    size = _with_bits(vector, "or_", x, _integers(vector, _SIGN))
    size = _not_below(vector, size, -88.0)  # there the power of two becomes 0
    shift = vector.constant(_ROUNDING + _BIAS)
    shifted = vector.fma(size, vector.constant(_LOG2_E), shift)
    power = _power_of_two(vector, _bits(vector, shifted))
    e = build.fmul(_exp_of_fraction(vector, size, build.fsub(shifted, shift)), power)
    below = build.fcmp_ordered("<", x, vector.constant(0.0))
    return build.fdiv(build.select(below, e, one), build.fadd(one, e))


def sin(vector: "VectorBuilder", x: Any) -> Any:
    """Emit the sine.

    Args:
        vector: where to emit.
        x: the argument.

    Returns:
        Its result.
    """
    return _circular(vector, x, "sin", 0)


def cos(vector: "VectorBuilder", x: Any) -> Any:
    """Emit the cosine.

    Args:
        vector: where to emit.
        x: the argument.

    Returns:
        Its result.
    """
    return _circular(vector, x, "cos", 1)


def _circular(vector: "VectorBuilder", x: Any, name: str, quarter: int) -> Any:
    """Emit `sin(x + quarter * pi / 2)`; the C library does it where an angle is very large."""
    build = vector.builder
    size = vector.emit("abs", x)
    large = build.fcmp_unordered(">", size, vector.constant(_LARGEST_ANGLE))
    word = ir.IntType(vector.lanes)
    any_large = build.icmp_unsigned("!=", build.bitcast(large, word), ir.Constant(word, 0))
    with build.if_else(any_large) as (far, near):
        with far:
            slow = vector.intrinsic(f"llvm.{name}.v{vector.lanes}f32", vector.type, vector.type)
            from_library = build.call(slow, [x])
            far_block = build.block
        with near:
            from_polynomial = _sin_of_small(vector, size, quarter)
            if quarter == 0:
                from_polynomial = _with_bits(vector, "xor", from_polynomial, _signs(vector, x))
            near_block = build.block
    result = build.phi(vector.type)
    result.add_incoming(from_library, far_block)
    result.add_incoming(from_polynomial, near_block)
    return result


def _sin_of_small(vector: "VectorBuilder", x: Any, quarter: int) -> Any:
    build = vector.builder
    rounding = vector.constant(_ROUNDING)
    shifted = vector.fma(x, vector.constant(2 / math.pi), rounding)
    turns = build.fsub(shifted, rounding)
    r = x
    for part in _HALF_PI:
        r = vector.fma(turns, vector.constant(-part), r)
    quarters = build.add(_bits(vector, shifted), _integers(vector, quarter))
    square = build.fmul(r, r)
    cube = build.fmul(square, r)
    sine = vector.fma(cube, _polynomial(vector, square, _SIN), r)
    cosine = _polynomial(vector, square, (1.0, -0.5, *_COS))
    odd = build.and_(quarters, _integers(vector, 1))
    result = build.select(build.icmp_signed("!=", odd, _integers(vector, 0)), cosine, sine)
    half_turn = build.and_(quarters, _integers(vector, 2))
    return _with_bits(vector, "xor", result, build.shl(half_turn, _integers(vector, 30)))


def _exp_of_fraction(vector: "VectorBuilder", x: Any, exponent: Any) -> Any:
    """Emit `exp(x - exponent * ln 2)`."""
    r = vector.fma(exponent, vector.constant(-_LN2_HIGH), x)
    r = vector.fma(exponent, vector.constant(-_LN2_LOW), r)
    return _polynomial(vector, r, (1.0, 1.0, *_EXPM1))


def _polynomial(vector: "VectorBuilder", x: Any, coefficients: Sequence[float]) -> Any:
    """Emit a polynomial, the coefficient of the lowest power first."""
    result = vector.constant(coefficients[-1])
    for coefficient in reversed(coefficients[:-1]):
        result = vector.fma(result, x, vector.constant(coefficient))
    return result


def _not_below(vector: "VectorBuilder", x: Any, limit: float) -> Any:
    """Emit the larger of a vector and a limit; NaN stays."""
    build, bound = vector.builder, vector.constant(limit)
    return build.select(build.fcmp_ordered(">", bound, x), bound, x)


def _not_above(vector: "VectorBuilder", x: Any, limit: float) -> Any:
    """Emit the smaller of a vector and a limit; NaN stays."""
    build, bound = vector.builder, vector.constant(limit)
    return build.select(build.fcmp_ordered("<", bound, x), bound, x)


def _integers(vector: "VectorBuilder", value: int) -> Any:
    return ir.Constant(ir.VectorType(ir.IntType(32), vector.lanes), [value] * vector.lanes)


def _bits(vector: "VectorBuilder", x: Any) -> Any:
    return vector.builder.bitcast(x, ir.VectorType(ir.IntType(32), vector.lanes))


def _with_bits(vector: "VectorBuilder", operation: str, x: Any, bits: Any) -> Any:
    changed = getattr(vector.builder, operation)(_bits(vector, x), bits)
    return vector.builder.bitcast(changed, vector.type)


def _signs(vector: "VectorBuilder", x: Any) -> Any:
    return vector.builder.and_(_bits(vector, x), _integers(vector, _SIGN))


def _power_of_two(vector: "VectorBuilder", biased: Any) -> Any:
    """Emit the number whose exponent is in the lowest 8 bits of an integer; bit 8 is 0."""
    moved = vector.builder.shl(biased, _integers(vector, _MANTISSA_BITS))
    return vector.builder.bitcast(moved, vector.type)
