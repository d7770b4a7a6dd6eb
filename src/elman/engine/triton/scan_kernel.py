"""The kernel of the parallel scan. Importing this module imports Triton."""

import triton
import triton.language as tl


@triton.jit
def _joined(
    a: tl.tensor, b: tl.tensor, next_a: tl.tensor, next_b: tl.tensor
) -> tuple[tl.tensor, ...]:
    """Return two steps h -> a h + b, one after the other, as one."""
    return next_a * a, next_a * b + next_b


@triton.jit
def _joined_complex(
    a: tl.tensor,
    ai: tl.tensor,
    b: tl.tensor,
    bi: tl.tensor,
    next_a: tl.tensor,
    next_ai: tl.tensor,
    next_b: tl.tensor,
    next_bi: tl.tensor,
) -> tuple[tl.tensor, ...]:
    """Return two steps of complex numbers as one; the second of two numbers is imaginary."""
    return (
        next_a * a - next_ai * ai,
        next_a * ai + next_ai * a,
        next_a * b - next_ai * bi + next_b,
        next_a * bi + next_ai * b + next_bi,
    )


@triton.jit
def _last(tile: tl.tensor, rows: tl.tensor, count: tl.constexpr) -> tl.tensor:
    """Return the last row of a tile."""
    return tl.sum(tl.where(rows == count - 1, tile, 0.0), axis=0, keep_dims=True)


@triton.jit(do_not_specialize=["time", "width"])
def scan(
    a: tl.tensor,
    b: tl.tensor,
    start: tl.tensor,
    result: tl.tensor,
    time: int,
    width: int,
    reverse: tl.constexpr,
    complex: tl.constexpr,
    steps: tl.constexpr,
    features: tl.constexpr,
) -> None:
    """Scan some features over time.

    Args:
        a: factors `[time, rows, features]`, of complex numbers the two parts side by side.
        b: addends, likewise.
        start: the states before the first step, `[rows, features]`.
        result: where the states go, shaped like `a`.
        time: time steps.
        width: rows times features.
        reverse: whether time runs from the last step to the first.
        complex: whether the numbers are complex.
        steps: time steps scanned at once, a power of two.
        features: features that one program instance scans, a power of two.
    """
    columns = tl.program_id(0) * features + tl.arange(0, features)[None, :]
    rows = tl.arange(0, steps)[:, None]
    inside = columns < width
    parts = 2 if complex else 1
    before = tl.load(start + columns * parts, mask=inside, other=0.0)
    if complex:
        before_i = tl.load(start + columns * parts + 1, mask=inside, other=0.0)
    for first in range(0, time, steps):
        step = first + rows
        mask = inside & (step < time)
        t = time - 1 - step if reverse else step
        at = (t.to(tl.int64) * width + columns) * parts
        # Steps beyond the last change nothing.
        x = tl.load(a + at, mask=mask, other=1.0)
        y = tl.load(b + at, mask=mask, other=0.0)
        if complex:
            xi = tl.load(a + at + 1, mask=mask, other=0.0)
            yi = tl.load(b + at + 1, mask=mask, other=0.0)
            x, xi, y, yi = tl.associative_scan((x, xi, y, yi), 0, _joined_complex)
            h = x * before - xi * before_i + y
            hi = x * before_i + xi * before + yi
            tl.store(result + at + 1, hi, mask=mask)
            before_i = _last(hi, rows, steps)
        else:
            x, y = tl.associative_scan((x, y), 0, _joined)
            h = x * before + y
        tl.store(result + at, h, mask=mask)
        before = _last(h, rows, steps)
