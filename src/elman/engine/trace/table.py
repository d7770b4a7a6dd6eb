"""What each aten operation on single features means in the operations of a program."""

import math
from collections.abc import Callable

from elman.engine.trace.expression import Expression, Operand, Untraceable


def _unary(op: str) -> Callable[..., Expression]:
    return lambda x: x.apply(op)


def _add(x: Expression, y: Operand, alpha: float = 1) -> Expression:
    if x.boolean and isinstance(y, Expression) and y.boolean:
        return x.apply("maximum", y)
    return x + (y if alpha == 1 else y * alpha)


def _sub(x: Expression, y: Operand, alpha: float = 1) -> Expression:
    return x - (y if alpha == 1 else y * alpha)


def _rsub(x: Expression, y: Operand, alpha: float = 1) -> Expression:
    return y - (x if alpha == 1 else x * alpha)


def _div(x: Expression, y: Operand, rounding_mode: str | None = None) -> Expression:
    if rounding_mode == "floor":
        return _floor_divide(x, y)
    if rounding_mode == "trunc":
        quotient = _floor_divide(x.apply("abs"), abs(_whole(y)))
        return quotient * _sign(x) * math.copysign(1.0, y)
    return x / y


def _whole(divisor: Operand) -> float:
    """Return a divisor for which quotients and remainders come out exact."""
    if isinstance(divisor, Expression) and divisor.node.op == "number":
        divisor = divisor.node.attribute
    if isinstance(divisor, Expression) or not float(divisor).is_integer() or not divisor:
        raise Untraceable("its step takes remainders by a divisor that is not a whole number")
    if abs(divisor) > 4096:  # larger ones times a quotient may need rounding
        raise Untraceable("its step takes remainders by a number above 4096")
    return float(divisor)


def _floor_divide(x: Expression, y: Operand) -> Expression:
    y = _whole(y)
    quotient = (x / y).apply("floor")
    if math.frexp(abs(y))[0] == 0.5:
        return quotient  # dividing by a power of two does not round
    left = (x - quotient * y) * math.copysign(1.0, y)
    return (left < 0).where(quotient - 1, (left >= abs(y)).where(quotient + 1, quotient))


def _remainder(x: Expression, y: Operand) -> Expression:
    y = _whole(y)
    return x - _floor_divide(x, y) * y


def _fmod(x: Expression, y: Operand) -> Expression:
    y = abs(_whole(y))
    return (x < 0).where(-_remainder(-x, y), _remainder(x, y))


def _expm1(x: Expression) -> Expression:
    near = x.apply("abs") < 0.5
    half = (near.where(x, 0.0) * 0.5).apply("tanh")  # e^x - 1 = 2 tanh(x/2) / (1 - tanh(x/2))
    return near.where((half + half) / (1.0 - half), x.apply("exp") - 1.0)


def _log1p(x: Expression) -> Expression:
    near = x.apply("abs") < 0.5
    small = near.where(x, 0.0)
    sum_ = small + 1.0  # its rounding error cancels in the quotient
    exact = sum_.equal(1.0)
    series = small * sum_.apply("log") / exact.where(1.0, sum_ - 1.0)
    far = near.where(1.0, x + 1.0).apply("log")
    return near.where(exact.where(small, series), far)


def _relu(x: Expression) -> Expression:
    return (x <= 0).where(0.0, x)


def _elu(x: Expression, alpha: float = 1, scale: float = 1, input_scale: float = 1) -> Expression:
    positive = x > 0
    negative = _expm1(positive.where(0.0, x) * input_scale)
    return positive.where(x * scale, negative * (alpha * scale))


def _softplus(x: Expression, beta: float = 1, threshold: float = 20) -> Expression:
    linear = x * beta > threshold
    return linear.where(x, _log1p((linear.where(0.0, x) * beta).apply("exp")) / beta)


def _log_sigmoid(x: Expression) -> Expression:
    positive = x > 0
    size = positive.where(-x, x)
    return positive.where(0.0, x) - _log1p(size.apply("exp"))


def _gelu(x: Expression, approximate: str = "none") -> Expression:
    if approximate != "tanh":
        raise Untraceable("its step calls aten.gelu in the form that needs the error function")
    inner = (x + x * x * x * 0.044715) * math.sqrt(2 / math.pi)
    return x * 0.5 * (inner.apply("tanh") + 1.0)


def _clamp(x: Expression, low: Operand = None, high: Operand = None) -> Expression:
    if low is not None:
        x = (x < low).where(low, x)
    return x if high is None else (x > high).where(high, x)


def _hardtanh(x: Expression, low: float = -1, high: float = 1) -> Expression:
    return (x <= low).where(low, (x >= high).where(high, x))


def _hardswish(x: Expression) -> Expression:
    return (x < -3).where(0.0, (x <= 3).where(x * (x + 3.0) / 6.0, x))


def _power(x: Operand, exponent: Operand) -> Expression:
    if not isinstance(x, Expression):
        if not x > 0:
            raise Untraceable("its step raises a number that is not positive to a power")
        return (exponent * math.log(x)).apply("exp")
    if isinstance(exponent, Expression):
        if exponent.node.op != "number":
            raise Untraceable("its step raises values to powers that are not fixed numbers")
        exponent = exponent.node.attribute
    whole, half = divmod(abs(exponent), 1)
    if whole > 16 or half not in (0, 0.5):
        raise Untraceable(f"its step raises values to the power {exponent:g}")
    result = _whole_power(x, int(whole)) if whole else None
    if half:
        root = x.apply("sqrt")
        result = root if result is None else result * root
    if result is None:
        return x.lift(1.0)
    return 1.0 / result if exponent < 0 else result


def _whole_power(x: Expression, exponent: int) -> Expression:
    if exponent == 1:
        return x
    root = _whole_power(x, exponent // 2)
    return root * root * x if exponent % 2 else root * root


def _sign(x: Expression) -> Expression:
    return (x > 0) - (x < 0)


def _ceil(x: Expression) -> Expression:
    return -((-x).apply("floor"))


def _trunc(x: Expression) -> Expression:
    return (x < 0).where(_ceil(x), x.apply("floor"))


def _round(x: Expression) -> Expression:
    low = x.apply("floor")
    above = x - low
    odd = low - (low * 0.5).apply("floor") * 2.0
    nearest = (above < 0.5).where(low, (above > 0.5).where(low + 1.0, low + odd))
    return low.equal(x).where(low, nearest)


def _not_equal(x: Expression, y: Operand) -> Expression:
    return 1.0 - x.equal(y)


def _truth(x: Expression) -> Expression:
    return x if x.boolean else _not_equal(x, 0.0)


def _and(x: Expression, y: Expression) -> Expression:
    return _truth(x) * _truth(y)


def _or(x: Expression, y: Expression) -> Expression:
    return _truth(x).apply("maximum", _truth(y))


def _exclusive_or(x: Expression, y: Expression) -> Expression:
    return _not_equal(_truth(x), _truth(y))


def _not(x: Expression) -> Expression:
    return 1.0 - _truth(x)


def _where(condition: Expression, left: Operand, right: Operand) -> Expression:
    return condition.where(left, right)


def _masked_fill(x: Expression, mask: Expression, value: Operand) -> Expression:
    return mask.where(value, x)


def _lerp(x: Expression, end: Expression, weight: Operand) -> Expression:
    if not isinstance(weight, Expression) and weight >= 0.5:
        return end - (end - x) * (1.0 - weight)
    return x + (end - x) * weight


def _addcmul(x: Expression, y: Expression, z: Expression, value: float = 1) -> Expression:
    return x + (y * z if value == 1 else y * value * z)


def _addcdiv(x: Expression, y: Expression, z: Expression, value: float = 1) -> Expression:
    return x + (y / z if value == 1 else y * value / z)


def _prelu(x: Expression, slope: Expression) -> Expression:
    return (x > 0).where(x, x * slope)


POINTWISE_RULES: dict[str, Callable[..., Expression]] = {
    **{op: _unary(op) for op in ("neg", "exp", "log", "tanh", "sigmoid", "sqrt", "abs")},
    **{op: _unary(op) for op in ("floor", "sin", "cos")},
    "add": _add,
    "sub": _sub,
    "rsub": _rsub,
    "mul": lambda x, y: x * y,
    "div": _div,
    "true_divide": _div,
    "floor_divide": _floor_divide,
    "remainder": _remainder,
    "fmod": _fmod,
    "exp2": lambda x: (x * math.log(2)).apply("exp"),
    "expm1": _expm1,
    "log1p": _log1p,
    "log2": lambda x: x.apply("log") * (1 / math.log(2)),
    "log10": lambda x: x.apply("log") * (1 / math.log(10)),
    "tan": lambda x: x.apply("sin") / x.apply("cos"),
    "relu": _relu,
    "leaky_relu": lambda x, slope=0.01: (x > 0).where(x, x * slope),
    "_prelu_kernel": _prelu,
    "elu": _elu,
    "celu": lambda x, alpha=1: _elu(x, alpha, 1, 1 / alpha),
    "silu": lambda x: x * x.apply("sigmoid"),
    "mish": lambda x: x * _softplus(x).apply("tanh"),
    "gelu": _gelu,
    "log_sigmoid_forward": _log_sigmoid,
    "softplus": _softplus,
    "hardtanh": _hardtanh,
    "hardsigmoid": lambda x: _hardtanh(x + 3.0, 0, 6) / 6.0,
    "hardswish": _hardswish,
    "threshold": lambda x, level, value: (x <= level).where(value, x),
    "clamp": _clamp,
    "clamp_min": lambda x, low: _clamp(x, low),
    "clamp_max": lambda x, high: _clamp(x, None, high),
    "rsqrt": lambda x: 1.0 / x.apply("sqrt"),
    "reciprocal": lambda x: 1.0 / x,
    "square": lambda x: x * x,
    "pow": _power,
    "sign": _sign,
    "sgn": _sign,
    "ceil": _ceil,
    "trunc": _trunc,
    "round": _round,
    "frac": lambda x: x - _trunc(x),
    "maximum": lambda x, y: x.apply("maximum", y),
    "minimum": lambda x, y: x.apply("minimum", y),
    "lt": lambda x, y: x < y,
    "le": lambda x, y: x <= y,
    "gt": lambda x, y: x > y,
    "ge": lambda x, y: x >= y,
    "eq": lambda x, y: x.equal(y),
    "ne": _not_equal,
    "isnan": lambda x: _not_equal(x, x),
    "isfinite": lambda x: x.apply("abs") < math.inf,
    "isinf": lambda x: x.apply("abs").equal(math.inf),
    "logical_and": _and,
    "bitwise_and": _and,
    "logical_or": _or,
    "bitwise_or": _or,
    "logical_xor": _exclusive_or,
    "bitwise_xor": _exclusive_or,
    "logical_not": _not,
    "bitwise_not": _not,
    "where": _where,
    "masked_fill": _masked_fill,
    "lerp": _lerp,
    "addcmul": _addcmul,
    "addcdiv": _addcdiv,
    "copy": lambda x, source: x.lift(source),
    "fill": lambda x, value: x.lift(value),
    "zero": lambda x: x.lift(0.0),
    **{op: lambda x: x for op in ("clone", "contiguous", "alias", "lift_fresh", "lift")},
    "expand": lambda x: x,
}
"""Operations feature by feature, by the name of the aten operation."""
