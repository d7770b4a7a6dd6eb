"""Functions that generated kernels call. Importing this module imports Triton."""

import triton
import triton.language as tl


@triton.jit
def tanh(x: tl.tensor) -> tl.tensor:
    """Return the hyperbolic tangent, which Triton has only in libraries of single vendors.

    Args:
        x: a tile.

    Returns:
        A tile of the same shape.
    """
    # Near 0 the quotient would lose digits; the series' next term is below 2e-17 there.
    square = x * x
    series = 21844 / 6081075
    series = series * square - 1382 / 155925
    series = series * square + 62 / 2835
    series = series * square - 17 / 315
    series = series * square + 2 / 15
    series = series * square - 1 / 3
    small = tl.exp(-2 * tl.abs(x))
    far = (1 - small) / (1 + small)
    far = tl.where(x < 0, -far, far)
    return tl.where(square < 0.01, x + x * square * series, far)


@triton.jit
def row_sum(x: tl.tensor, columns: tl.tensor, width: int) -> tl.tensor:
    """Return the sum over the features of each row.

    Args:
        x: a tile `[rows, features]`.
        columns: the numbers of its features, `[1, features]`.
        width: features that count, from the first.

    Returns:
        A tile `[rows, 1]`.
    """
    return tl.sum(tl.where(columns < width, x, 0.0), axis=1, keep_dims=True)


@triton.jit
def row_maximum(x: tl.tensor, columns: tl.tensor, width: int) -> tl.tensor:
    """Return the largest feature of each row, NaN if one is NaN.

    Args:
        x: a tile `[rows, features]`.
        columns: the numbers of its features, `[1, features]`.
        width: features that count, from the first.

    Returns:
        A tile `[rows, 1]`.
    """
    largest = tl.max(tl.where(columns < width, x, float("-inf")), axis=1, keep_dims=True)
    broken = tl.max(((x != x) & (columns < width)).to(tl.int32), axis=1, keep_dims=True)
    return tl.where(broken != 0, float("nan"), largest)
