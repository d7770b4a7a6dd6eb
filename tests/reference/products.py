"""What the tests of own matrix products share: kernels of any width, matrices with guards."""

from contextlib import contextmanager
from functools import cache
from unittest.mock import patch

import pytest
import torch
from hypothesis import strategies as st

from elman.engine.native import multiply
from elman.engine.native.kernels import build_kernels, load_kernels
from elman.engine.native.multiply import Rows
from elman.engine.native.plan import Plan
from elman.engine.native.target import LANES_VARIABLE, host

UNTOUCHED = 12345.0


def rows_of(tensor):
    if tensor.dim() == 1:  # one row for all
        return Rows(tensor.data_ptr(), 0, 1, len(tensor))
    return Rows(tensor.data_ptr(), tensor.stride(0), *tensor.shape)


def product(left, packed, columns, initial, out, precision="float32"):
    plan = Plan()
    given = None if initial is None else rows_of(initial)
    if initial is not None and initial.dim() == 1:
        given = given._replace(rows=len(out))
    result = rows_of(out)._replace(columns=columns)
    multiply.add_product(plan, rows_of(left), packed.data_ptr(), given, result, precision)
    multiply.run_once(plan)
    return out


def weight_gradient(d_y, x, out, precision="float32"):
    plan = Plan()
    multiply.add_gradient(plan, rows_of(d_y), rows_of(x), rows_of(out), precision)
    multiply.run_once(plan)
    return out


SIZES = {
    "rows": st.integers(1, 40),
    "depth": st.integers(1, 70),
    "columns": st.integers(1, 200),
    "padding": st.integers(0, 3),
    "seed": st.integers(0, 1000),
}


@cache
def kernels_for(lanes, precision):
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv(LANES_VARIABLE, str(lanes))
        target = host()
    return load_kernels(target, precision, build_kernels(target, precision))


@contextmanager
def using(lanes=16, threads=1):
    def kernels(precision="float32"):
        return kernels_for(lanes, precision)

    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        with patch.object(multiply, "kernels", kernels):
            yield
    finally:
        torch.set_num_threads(before)


def padded(rows, columns, padding, seed):
    """A random matrix inside a larger one filled with NaN, which must not be read."""
    generator = torch.Generator().manual_seed(seed)
    whole = torch.full((rows + 1, columns + padding), torch.nan)
    inner = whole[:rows, :columns]
    inner.copy_(torch.randn(rows, columns, generator=generator))
    return inner


def target_like(rows, columns, padding):
    whole = torch.full((rows + 1, columns + padding), UNTOUCHED)
    return whole, whole[:rows, :columns]


def assert_untouched(whole, rows, columns):
    assert (whole[rows:] == UNTOUCHED).all()
    assert (whole[:, columns:] == UNTOUCHED).all()


def assert_close(found, expected, magnitudes):
    """Compare with float64; magnitudes are sums of the absolute values that were added."""
    bound = magnitudes * 2e-6 + 1e-30
    assert ((found.double() - expected).abs() <= bound).all()
