"""What each aten operation over the features of a row means in the operations of a program."""

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from elman.engine.trace.expression import Expression, Untraceable

Outputs = tuple[Expression, ...]


class Reduction(NamedTuple):
    """An operation over some of the features' axes.

    Attributes:
        axes: finds those axes among the operation's arguments; `x.dim()` counts them all.
        rule: takes the row, how many features it has and the operation's further arguments,
            and returns the outputs, each of width 1 or of the row's width.
    """

    axes: Callable[..., Sequence[int]]
    rule: Callable[..., Outputs]


def _axes(x: Any, axes: Any = None, *_: Any, **options: Any) -> Sequence[int]:
    axes = options.get("dim", axes)
    if axes is None or axes == []:
        return range(x.dim())
    return [axes] if isinstance(axes, int) else list(axes)


def _norm_axes(x: Any, order: Any = 2, axes: Any = None, *_: Any, **__: Any) -> Sequence[int]:
    return _axes(x, axes)


def _last_axes(x: Any, shape: Sequence[int], *_: Any) -> Sequence[int]:
    return range(x.dim() - len(shape), x.dim())


def _mean(x: Expression, size: int) -> Expression:
    return x.reduce("sum", size) / size


def _amax(x: Expression, size: int) -> Expression:
    return x.reduce("amax", size)


def _amin(x: Expression, size: int) -> Expression:
    return -((-x).reduce("amax", size))


def _variance(x: Expression, size: int, correction: float) -> tuple[Expression, Expression]:
    mean = _mean(x, size)
    distance = x - mean
    return (distance * distance).reduce("sum", size) / max(size - correction, 0.0), mean


def _root(x: Expression) -> Expression:
    """Return the square root with gradient 0 at 0, as norms and standard deviations have."""
    zero = x.equal(0.0)
    return zero.where(0.0, zero.where(1.0, x).apply("sqrt"))


def _correction(axes: Any = None, second: Any = None, *_: Any, **options: Any) -> float:
    """Return what `var` and `std` take away from the number of features."""
    if isinstance(axes, bool) or isinstance(second, bool):  # the older form: unbiased
        return float(axes if isinstance(axes, bool) else second)
    correction = options.get("correction")
    return 1.0 if correction is None else float(correction)


def _var(x: Expression, size: int, *arguments: Any, **options: Any) -> Outputs:
    return (_variance(x, size, _correction(*arguments, **options))[0],)


def _std(x: Expression, size: int, *arguments: Any, **options: Any) -> Outputs:
    return (_root(_variance(x, size, _correction(*arguments, **options))[0]),)


def _var_mean(x: Expression, size: int, *arguments: Any, **options: Any) -> Outputs:
    return _variance(x, size, _correction(*arguments, **options))


def _norm(x: Expression, size: int, order: float | None = 2, *_: Any, **__: Any) -> Outputs:
    if order is None or order == 2:
        return (_root((x * x).reduce("sum", size)),)
    if order == 1:
        return (x.apply("abs").reduce("sum", size),)
    if order == math.inf:
        return (_amax(x.apply("abs"), size),)
    raise Untraceable(f"its step takes a norm of order {order}")


def _shifted(x: Expression, size: int) -> Expression:
    # A whole number near the maximum protects exp as well, and no gradient flows through floor.
    return x - _amax(x, size).apply("floor")


def _softmax(x: Expression, size: int, *_: Any, **__: Any) -> Outputs:
    weights = _shifted(x, size).apply("exp")
    return (weights / weights.reduce("sum", size),)


def _log_softmax(x: Expression, size: int, *_: Any, **__: Any) -> Outputs:
    shifted = _shifted(x, size)
    return (shifted - shifted.apply("exp").reduce("sum", size).apply("log"),)


def _logsumexp(x: Expression, size: int, *_: Any, **__: Any) -> Outputs:
    largest = _amax(x, size).apply("floor")
    shift = (largest.apply("abs") < math.inf).where(largest, 0.0)
    return (shift + (x - shift).apply("exp").reduce("sum", size).apply("log"),)


def _layer_norm(
    x: Expression,
    size: int,
    shape: Sequence[int],
    weight: Expression | None,
    bias: Expression | None,
    epsilon: float,
) -> Outputs:
    variance, mean = _variance(x, size, 0)
    scale = 1.0 / (variance + epsilon).apply("sqrt")
    result = (x - mean) * scale
    result = result if weight is None else result * weight
    return (result if bias is None else result + bias, mean, scale)


def _any(x: Expression, size: int, *_: Any, **__: Any) -> Outputs:
    return (_amax(x if x.boolean else 1.0 - x.equal(0.0), size),)


def _all(x: Expression, size: int, *_: Any, **__: Any) -> Outputs:
    return (_amin(x if x.boolean else 1.0 - x.equal(0.0), size),)


REDUCTIONS: dict[str, Reduction] = {
    "sum": Reduction(_axes, lambda x, size, *_, **__: (x.reduce("sum", size),)),
    "mean": Reduction(_axes, lambda x, size, *_, **__: (_mean(x, size),)),
    "amax": Reduction(_axes, lambda x, size, *_, **__: (_amax(x, size),)),
    "amin": Reduction(_axes, lambda x, size, *_, **__: (_amin(x, size),)),
    "any": Reduction(_axes, _any),
    "all": Reduction(_axes, _all),
    "var": Reduction(_axes, _var),
    "std": Reduction(_axes, _std),
    "var_mean": Reduction(_axes, _var_mean),
    "linalg_vector_norm": Reduction(_norm_axes, _norm),
    "norm": Reduction(_norm_axes, _norm),
    "logsumexp": Reduction(_axes, _logsumexp),
    "_softmax": Reduction(_axes, _softmax),
    "_log_softmax": Reduction(_axes, _log_softmax),
    "native_layer_norm": Reduction(_last_axes, _layer_norm),
}
"""Operations over features, by the name of the aten operation."""
