"""Products whose factors are rounded to bfloat16, against float64 products of rounded factors."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from elman.engine.native.multiply import pack_weight
from elman.engine.native.target import host
from reference.products import (
    SIZES,
    assert_close,
    assert_untouched,
    kernels_for,
    padded,
    product,
    target_like,
    using,
    weight_gradient,
)

needs_bfloat16 = pytest.mark.skipif(
    not host().has_bfloat16, reason="this processor does not multiply bfloat16 numbers"
)


@needs_bfloat16
@settings(max_examples=40)
@given(**SIZES, transposed=st.booleans())
def test_bfloat16_rounds_the_factors_alone(rows, depth, columns, padding, seed, transposed):
    def rounded(tensor):
        return tensor.bfloat16().double()

    left = padded(rows, depth, padding, seed)
    shape = (columns, depth) if transposed else (depth, columns)
    weight = padded(*shape, padding, seed + 1)
    right = rounded(weight.t() if transposed else weight)
    initial, d_y = padded(rows, columns, 1, seed + 2), padded(rows, columns, padding, seed + 3)
    whole, out = target_like(rows, columns, padding)
    whole_gradient, gradient = target_like(columns, depth, padding)
    with using():
        packed = pack_weight(weight, transposed, precision="bfloat16")
        product(left, packed, columns, initial, out, "bfloat16")
        weight_gradient(d_y, left, gradient, "bfloat16")
    expected = rounded(left) @ right + initial
    assert_close(out, expected, rounded(left).abs() @ right.abs() + initial.abs())
    expected = rounded(d_y).t() @ rounded(left)
    assert_close(gradient, expected, rounded(d_y).abs().t() @ rounded(left).abs())
    assert_untouched(whole, rows, columns)
    assert_untouched(whole_gradient, columns, depth)


@needs_bfloat16
def test_bfloat16_layout_fills_an_odd_depth_with_zeros():
    columns, width = 70, kernels_for(16, "bfloat16").panel_width
    for depth in (64, 5, 65, 1):
        weight = torch.full((depth, columns), torch.nan if depth == 64 else 1.5)
        with using():
            packed = pack_weight(weight, False, precision="bfloat16").view(torch.bfloat16)
        pairs = packed.view(-1, -(-depth // 2), width, 2)
        rows = pairs.transpose(2, 3).reshape(len(pairs), -1, width)
        found = torch.cat(list(rows), 1).float()
        expected = torch.zeros(found.shape)
        expected[:depth, :columns] = weight
        assert torch.equal(found.nan_to_num(7.0), expected.nan_to_num(7.0))


@needs_bfloat16
def test_bfloat16_on_threads_with_strides_and_special_values():
    left, weight = padded(450, 301, 0, 0), padded(301, 140, 0, 1)
    left[0, 0], left[1, 1], left[2, 2] = torch.nan, torch.inf, 3.4e38  # the last rounds up
    found = []
    for threads in (1, 2):
        with using(threads=threads):
            packed = pack_weight(weight, False, precision="bfloat16")
            strided = weight.repeat_interleave(2, 1)[:, ::2]
            assert torch.equal(pack_weight(strided, False, precision="bfloat16"), packed)
            out = product(left, packed, 140, None, torch.empty(450, 140), "bfloat16")
            gradient = weight_gradient(left, left, torch.empty(301, 301), "bfloat16")
            found.append((out, gradient))
    for one, two in zip(*found, strict=True):
        assert torch.equal(one.nan_to_num(), two.nan_to_num())
    expected = left.bfloat16().double() @ weight.bfloat16().double()
    torch.testing.assert_close(found[0][0].double(), expected, equal_nan=True, rtol=1e-4, atol=1e-4)


def test_bfloat16_needs_the_instructions():
    with pytest.raises(ValueError, match="cannot multiply bfloat16"):
        kernels_for(8, "bfloat16")
