"""Own matrix products against float64 products, on all vector widths, threads and strides."""

import ctypes
import mmap
import sys
from concurrent.futures import ThreadPoolExecutor
from unittest.mock import patch

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from elman.engine.native import kernels as kernels_module
from elman.engine.native import multiply as module_under_test
from elman.engine.native.kernels import kernels
from elman.engine.native.multiply import (
    pack_weight,
    packed_size,
)
from reference.products import (
    SIZES,
    UNTOUCHED,
    assert_close,
    assert_untouched,
    kernels_for,
    padded,
    product,
    target_like,
    using,
    weight_gradient,
)

LANES = pytest.mark.parametrize("lanes", [16, 8, 4])


@LANES
@settings(max_examples=40)
@given(
    **SIZES,
    transposed=st.booleans(),
    mode=st.sampled_from(["none", "vector", "matrix", "result"]),
)
def test_product_equals_float64(lanes, rows, depth, columns, padding, seed, transposed, mode):
    left = padded(rows, depth, padding, seed)
    shape = (columns, depth) if transposed else (depth, columns)
    weight = padded(*shape, padding, seed + 1)
    right = weight.t() if transposed else weight
    whole, out = target_like(rows, columns, padding)
    initial, added = None, torch.zeros(rows, columns)
    if mode == "vector":
        initial = added = padded(1, columns, 0, seed + 2)[0]
    elif mode != "none":
        initial = padded(rows, columns, 2, seed + 2)
        added = initial.clone()
        if mode == "result":
            initial = out.copy_(initial)
    with using(lanes):
        packed = pack_weight(weight, transposed)
        assert product(left, packed, columns, initial, out) is out
    expected = left.double() @ right.double() + added
    assert_close(out, expected, left.double().abs() @ right.double().abs() + added.abs())
    assert_untouched(whole, rows, columns)


@LANES
@settings(max_examples=20)
@given(**SIZES)
def test_gradient_equals_float64(lanes, rows, depth, columns, padding, seed):
    d_y = padded(rows, columns, padding, seed)
    x = padded(rows, depth, padding, seed + 1)
    whole, out = target_like(columns, depth, padding)
    with using(lanes):
        assert weight_gradient(d_y, x, out) is out
    expected = d_y.double().t() @ x.double()
    assert_close(out, expected, d_y.double().abs().t() @ x.double().abs())
    assert_untouched(whole, columns, depth)


# More rows than a block of time, more columns than a block of the left side, and neither.
@LANES
@pytest.mark.parametrize(
    ("rows", "columns", "depth"), [(700, 401, 70), (257, 13, 130), (1030, 5, 1), (300, 70, 3)]
)
def test_gradient_of_long_sequences(lanes, rows, columns, depth):
    d_y, x = padded(rows, columns, 1, 0), padded(rows, depth, 2, 1)
    out = torch.empty(columns, depth)
    with using(lanes):
        weight_gradient(d_y, x, out)
    expected = d_y.double().t() @ x.double()
    assert_close(out, expected, d_y.double().abs().t() @ x.double().abs())


def test_rounding_errors_of_a_long_gradient_stay_small():
    rows = 40_000
    generator = torch.Generator().manual_seed(0)
    d_y = torch.rand(rows, 13, generator=generator) + 1
    x = torch.rand(rows, 20, generator=generator) + 1
    with using():
        found = weight_gradient(d_y, x, torch.empty(13, 20))
    expected = d_y.double().t() @ x.double()
    # One sum from first to last would be 1e-5 off.
    assert ((found - expected) / expected).abs().max() < 2e-6


@LANES
def test_deep_product_equals_float64(lanes):
    left, weight = padded(7, 1300, 0, 0), padded(30, 1300, 0, 1)
    initial = torch.randn(7, 30, generator=torch.Generator().manual_seed(2))
    with using(lanes):
        out = product(left, pack_weight(weight, True), 30, initial, torch.empty(7, 30))
    expected = left.double() @ weight.double().t() + initial
    assert_close(out, expected, left.double().abs() @ weight.double().abs().t() + initial.abs())


@LANES
@settings(max_examples=25)
@given(
    depth=st.integers(1, 70),
    columns=st.integers(1, 200),
    steps=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    seed=st.integers(0, 1000),
)
def test_packed_layout(lanes, depth, columns, steps, seed):
    width = kernels_for(lanes, "float32").panel_width
    generator = torch.Generator().manual_seed(seed)
    big = torch.randn(depth * steps[0], columns * steps[1], generator=generator)
    matrix = big[:: steps[0], :: steps[1]]
    panels = -(-columns // width)
    expected = np.zeros((panels, depth, width), np.float32)
    for panel in range(panels):
        part = matrix[:, panel * width : (panel + 1) * width].numpy()
        expected[panel, :, : part.shape[1]] = part
    with using(lanes):
        assert packed_size(depth, columns) == expected.size
        for weight, transposed in [
            (matrix, False),
            (matrix.t(), True),
            (matrix.contiguous(), False),
            (matrix.t().contiguous(), True),
        ]:
            out = torch.full((expected.size,), torch.nan)
            pack_weight(weight, transposed, out)
            np.testing.assert_array_equal(out.numpy(), expected.ravel())


@LANES
def test_nan_infinity_and_huge_values_pass_through(lanes):
    left = torch.ones(8, 5)
    left[0, 2], left[1, 3], left[2, 0], left[3, 0] = torch.nan, torch.inf, 3e38, -torch.inf
    left[4, 1] = 1e-38
    weight = torch.ones(5, 70)
    weight[0, 69] = 3e38
    weight[3, 7] = 0.0
    with using(lanes):
        out = product(left, pack_weight(weight, False), 70, None, torch.empty(8, 70))
        gradient = weight_gradient(left, left, torch.empty(5, 5))
    torch.testing.assert_close(out, left @ weight, equal_nan=True)
    assert out[1, 7].isnan()  # infinity times zero
    assert out[2, 69].isposinf()
    torch.testing.assert_close(gradient, left.t() @ left, equal_nan=True)


@LANES
def test_results_do_not_depend_on_how_rows_are_split(lanes):
    left, weight = padded(33, 600, 0, 0), padded(101, 600, 0, 1)
    bias = padded(1, 101, 0, 2)[0]
    with using(lanes):
        packed = pack_weight(weight, True)
        whole = product(left, packed, 101, bias, torch.empty(33, 101))
        for size in (1, 2, 3, 5, 7, 16):
            parts = [
                product(part, packed, 101, bias, torch.empty(len(part), 101))
                for part in left.split(size)
            ]
            assert torch.equal(torch.cat(parts), whole)


# Few rows: threads share out panels; many: rows; a block of rows each and more than one.
@LANES
@pytest.mark.parametrize("shape", [(7, 300, 500), (40, 100, 130), (450, 60, 70)])
def test_results_do_not_depend_on_threads(lanes, shape):
    rows, depth, columns = shape
    left, weight = padded(rows, depth, 0, 0), padded(columns, depth, 0, 1)
    d_y = padded(rows, columns, 0, 2)
    found = []
    for threads in (1, 2, 3):
        with (
            using(lanes, threads),
            patch.object(module_under_test, "_MULTIPLIED_ALONE", 0),
            patch.object(module_under_test, "_PACKED_ALONE", 0),
        ):
            packed = pack_weight(weight, True)
            out = product(left, packed, columns, None, torch.empty(rows, columns))
            found.append(
                (
                    packed,
                    out,
                    weight_gradient(d_y, left, torch.empty(columns, depth)),
                    weight_gradient(d_y, left[:, :2], torch.empty(columns, 2)),
                )
            )
    for other in found[1:]:
        assert all(torch.equal(a, b) for a, b in zip(found[0], other, strict=True))


def test_two_python_threads_do_not_disturb_each_other():
    d_y, x = padded(600, 90, 0, 0), padded(600, 80, 0, 1)
    with using(threads=2):
        alone = weight_gradient(d_y, x, torch.empty(90, 80))
        with ThreadPoolExecutor(2) as pool:
            runs = [pool.submit(weight_gradient, d_y, x, torch.empty(90, 80)) for _ in range(8)]
            assert all(torch.equal(run.result(), alone) for run in runs)


@LANES
def test_product_by_address_computes_the_panels_asked_for(lanes):
    kernel = kernels_for(lanes, "float32")
    rows, depth, columns = 5, 9, 2 * kernel.panel_width + 3
    left, weight = padded(rows, depth, 0, 0), padded(depth, columns, 0, 1)
    with using(lanes):
        packed = pack_weight(weight, False)
        expected = product(left, packed, columns, None, torch.empty(rows, columns))
    out = torch.full((rows, columns), UNTOUCHED)
    called = address_of_product(kernel)

    def run(rows, first, last):
        matrices = (left.data_ptr(), left.stride(0), rows, depth)
        panels = (packed.data_ptr(), first, last, columns)
        called(*matrices, *panels, None, 0, out.data_ptr(), out.stride(0))

    run(0, 0, 3)
    run(rows, 2, 2)
    assert (out == UNTOUCHED).all()
    run(rows, 1, 2)
    middle = slice(kernel.panel_width, 2 * kernel.panel_width)
    assert torch.equal(out[:, middle], expected[:, middle])
    assert (out == UNTOUCHED).sum() == rows * (columns - kernel.panel_width)
    run(rows, 2, 3)
    run(rows, 0, 1)
    assert torch.equal(out, expected)


def address_of_product(kernel):
    integer, pointer = ctypes.c_int64, ctypes.c_void_p
    signature = [pointer, *[integer] * 3, pointer, *[integer] * 3, *[pointer, integer] * 2]
    return ctypes.CFUNCTYPE(None, *signature)(kernel.product)


def at_end_of_memory(tensor):
    """Copy a tensor to the end of mapped memory: a read or write beyond it ends the process."""
    page = mmap.PAGESIZE
    size = -(-tensor.numel() * 4 // page) * page
    memory = mmap.mmap(-1, size + page)
    array = np.frombuffer(memory, np.float32)
    library = ctypes.CDLL(None, use_errno=True)
    library.mprotect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    assert library.mprotect(array.ctypes.data + size, page, 0) == 0
    end = size // 4
    copy = torch.from_numpy(array[end - tensor.numel() : end]).view(tensor.shape)
    return copy.copy_(tensor)


@LANES
@pytest.mark.skipif(sys.platform != "linux", reason="memory is protected as on Linux")
def test_nothing_is_read_or_written_beyond_a_matrix(lanes):
    for rows, depth, columns in [(1, 1, 1), (7, 19, 67), (6, 16, 64), (13, 33, 45)]:
        left = at_end_of_memory(torch.randn(rows, depth))
        weight = at_end_of_memory(torch.randn(columns, depth))
        initial = at_end_of_memory(torch.randn(rows, columns))
        out = at_end_of_memory(torch.empty(rows, columns))
        gradient = at_end_of_memory(torch.empty(columns, depth))
        with using(lanes):
            space = at_end_of_memory(torch.empty(packed_size(depth, columns)))
            product(left, pack_weight(weight, True, space), columns, initial, out)
            torch.testing.assert_close(out, left @ weight.t() + initial)
            pack_weight(weight, False, at_end_of_memory(torch.empty(packed_size(columns, depth))))
            weight_gradient(initial, left, gradient)
            torch.testing.assert_close(gradient, initial.t() @ left)


def test_kernels_are_compiled_once_and_kept_on_disk(monkeypatch, tmp_path):
    monkeypatch.setenv("ELMAN_CACHE", str(tmp_path))
    first = kernels.__wrapped__()
    monkeypatch.setattr(kernels_module, "build_kernels", None)
    second = kernels.__wrapped__()
    assert first.product != second.product
    assert first.gradient_scratch == second.gradient_scratch
    one, two = (torch.full((1, 70), 2.0) for _ in range(2))
    for kernel, out in [(first, one), (second, two)]:
        with patch.object(module_under_test, "kernels", lambda precision, kernel=kernel: kernel):
            packed = pack_weight(torch.ones(70, 3), True)
            product(torch.ones(1, 3), packed, 70, out, out)
    assert (one == 5).all()
    assert (two == 5).all()


def test_what_does_not_fit_is_refused():
    left, weight, out = torch.ones(3, 4), torch.ones(5, 4), torch.empty(3, 5)
    with using():
        packed = pack_weight(weight, True)
        with pytest.raises(ValueError, match=r"has shape \(2, 5\), expected \(3, 5\)"):
            product(left, packed, 5, None, torch.empty(2, 5))
        with pytest.raises(ValueError, match=r"has shape \(3, 4\), expected \(3, 5\)"):
            product(left, packed, 5, torch.ones(4), out)
        with pytest.raises(ValueError, match="expected"):
            weight_gradient(out, torch.ones(2, 4), torch.empty(5, 4))
        with pytest.raises(ValueError, match="contiguous floats"):
            pack_weight(weight, True, torch.empty(3))
        with pytest.raises(ValueError, match="float32 weights"):
            pack_weight(weight.double(), True)
