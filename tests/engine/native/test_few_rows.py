"""The product that reads a weight where it lies, against float64, on all vector widths."""

import ctypes

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from reference.products import UNTOUCHED, assert_close, kernels_for, padded


def address_of(kernel):
    integer, pointer = ctypes.c_int64, ctypes.c_void_p
    signature = [pointer, *[integer] * 3, pointer, *[integer] * 3, *[pointer, integer] * 2]
    return ctypes.CFUNCTYPE(None, *signature)(kernel.product_transposed)


@pytest.mark.parametrize("lanes", [16, 8, 4])
@settings(max_examples=40)
@given(
    rows=st.integers(0, 3),
    depth=st.integers(0, 70),
    columns=st.integers(1, 200),
    seed=st.integers(0, 1000),
    mode=st.sampled_from(["none", "vector", "result"]),
)
def test_it_equals_float64_in_the_panels_asked_for(lanes, rows, depth, columns, seed, mode):
    kernel = kernels_for(lanes, "float32")
    called, width = address_of(kernel), kernel.panel_width
    left, weight = padded(rows, depth, 2, seed), padded(columns, depth, 0, seed + 1).contiguous()
    out, expected = torch.full((rows, columns + 1), UNTOUCHED), torch.zeros(rows, columns)
    given = None, 0
    if mode == "vector":
        bias = padded(1, columns, 0, seed + 2)[0]
        expected, given = bias.expand(rows, columns), (bias.data_ptr(), 0)
    elif mode == "result":
        expected = padded(rows, columns, 0, seed + 2)
        out[:, :columns] = expected
        given = out.data_ptr(), columns + 1
    panels = -(-columns // width)
    for first, last in [(0, panels // 2), (panels // 2, panels)]:
        called(
            *(left.data_ptr(), left.stride(0), rows, depth),
            *(weight.data_ptr(), first, last, columns),
            *given,
            *(out.data_ptr(), columns + 1),
        )
    magnitudes = left.double().abs() @ weight.double().abs().t() + expected.double().abs()
    expected = left.double() @ weight.double().t() + expected
    assert_close(out[:, :columns], expected, magnitudes)
    assert (out[:, columns:] == UNTOUCHED).all()


def test_nan_passes_through():
    called = address_of(kernels_for(16, "float32"))
    left, weight = torch.ones(1, 20), torch.ones(3, 20)
    weight[1, 19] = torch.nan
    out = torch.empty(3)
    called(left.data_ptr(), 20, 1, 20, weight.data_ptr(), 0, 1, 3, None, 0, out.data_ptr(), 3)
    assert out.isnan().tolist() == [False, True, False]
