"""Matrix products of torch tensors by generated code, on torch's threads."""

import threading
from array import array
from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor

from elman.engine.native.kernels import Precision, kernels
from elman.engine.native.threads import header, parallel

_PACKED_ALONE = 2**16  # elements below which one thread packs a matrix sooner than several
_MULTIPLIED_ALONE = 2**18  # multiplications below which one thread is done sooner than several
_FEW_ROWS = 8  # rows for each thread below which threads share out panels instead
_MANY_ROWS = 96  # rows for each thread from which they share out rows in any case
_FEW_COLUMNS = 12  # columns of a weight below which its gradient is computed transposed


def packed_size(depth: int, columns: int, precision: Precision = "float32") -> int:
    """Give the size of a packed matrix.

    Args:
        depth: rows of the matrix, K.
        columns: its columns, N.
        precision: what its elements are rounded to.

    Returns:
        Floats.
    """
    kernel = kernels(precision)
    width = kernel.panel_width
    return -(-columns // width) * width * -(-depth // kernel.pairs)


class Job:
    """Native work that is ready to be done, any number of times.

    Preparing all work before any is done keeps the interpreter's code in the cache meanwhile.

    Args:
        function: the address of a worker's entry.
        threads: how many threads run it.
        words: its words after the thread header.
        kept: the tensors that it works on.
    """

    def __init__(
        self, function: int, threads: int, words: tuple[int, ...], kept: tuple[Tensor, ...]
    ) -> None:
        self._function = function
        self._threads = threads
        self._data = array("q", (*header(threads), *words))
        self._kept = kept

    def __call__(self) -> None:
        """Do the work."""
        parallel(self._function, self._data.buffer_info()[0], self._threads)


def pack_weight(
    weight: Tensor,
    transposed: bool,
    out: Tensor | None = None,
    precision: Precision = "float32",
) -> Tensor:
    """Pack a weight as the right side of products.

    Args:
        weight: as in `pack_job`.
        transposed: as in `pack_job`.
        out: as in `pack_job`; new memory if not given.
        precision: as in `pack_job`.

    Returns:
        The packed weight, flat.

    Raises:
        ValueError: as `pack_job`.
    """
    if out is None:
        depth, columns = weight.shape[::-1] if transposed else weight.shape
        out = torch.empty(packed_size(depth, columns, precision))
    pack_job(weight, transposed, out, precision)()
    return out


def pack_job(weight: Tensor, transposed: bool, out: Tensor, precision: Precision) -> Job:
    """Prepare the packing of a weight as the right side of products.

    Args:
        weight: `[N, K]` if transposed, else `[K, N]`; any strides.
        transposed: whether products are with the transposed weight, as in `nn.Linear`.
        out: where to put it, `packed_size(K, N)` floats.
        precision: what its elements are rounded to.

    Returns:
        The job.

    Raises:
        ValueError: the weight is not float32, or `out` has another size.
    """
    matrix = weight.t() if transposed else weight
    depth, columns = matrix.shape
    size = packed_size(depth, columns, precision)
    if weight.dtype != torch.float32 or out.dtype != torch.float32:
        raise ValueError("Only float32 weights can be packed: convert them first.")
    if out.numel() != size or not out.is_contiguous():
        raise ValueError(f"The packed weight needs {size} contiguous floats, got {out.numel()}.")
    threads = torch.get_num_threads() if depth * columns >= _PACKED_ALONE else 1
    words = (matrix.data_ptr(), *matrix.stride(), depth, columns, out.data_ptr())
    return Job(kernels(precision).pack_worker, threads, words, (weight, out))


def product_job(
    left: Tensor,
    packed: Tensor,
    columns: int,
    initial: Tensor | None,
    out: Tensor,
    precision: Precision,
) -> Job:
    """Prepare a product of rows with a packed matrix.

    Args:
        left: `[M, K]`, elements of a row side by side.
        packed: what `pack_weight` returned for a matrix of K rows, with the same precision.
        columns: N, the columns of that matrix.
        initial: what is added, `[M, N]` or one row `[N]`; may be `out`.
        out: where the result goes, `[M, N]`.
        precision: what the factors are rounded to.

    Returns:
        The job.

    Raises:
        ValueError: a tensor is not float32, or its shape or strides do not fit.
    """
    rows, depth = left.shape
    given, given_stride = 0, 0
    if initial is not None:
        _check(initial, (rows, columns) if initial.dim() == 2 else (columns,))
        given = initial.data_ptr()
        given_stride = initial.stride(0) if initial.dim() == 2 else 0
    _check(left, (rows, depth))
    _check(out, (rows, columns))
    size = packed_size(depth, columns, precision)
    if packed.numel() != size:
        raise ValueError(f"A packed {depth} x {columns} matrix has {size} floats, not this many.")
    kernel = kernels(precision)
    alone = rows * depth * columns < _MULTIPLIED_ALONE
    threads = 1 if alone else torch.get_num_threads()
    line = kernel.scratch_line(depth)
    scratch = _scratch.borrow(threads * kernel.row_block * line)
    words = (
        *(left.data_ptr(), left.stride(0), rows, depth),
        *(packed.data_ptr(), columns, given, given_stride),
        *(out.data_ptr(), out.stride(0)),
        _by_rows(rows, -(-columns // kernel.panel_width), threads),
        *(scratch.data_ptr(), line),
    )
    kept = (
        (left, packed, out, scratch) if initial is None else (left, packed, out, scratch, initial)
    )
    return Job(kernel.multiply_worker, threads, words, kept)


def gradient_job(d_y: Tensor, x: Tensor, out: Tensor, precision: Precision) -> Callable[[], object]:
    """Prepare the sum of the products of the rows of two matrices, `out = d_y.T @ x`.

    Args:
        d_y: gradients of a product's results, `[M, N]`, elements of a row side by side.
        x: its left sides, `[M, K]`, elements of a row side by side.
        out: the gradient of the weight, `[N, K]`.
        precision: what the factors are rounded to.

    Returns:
        The job.

    Raises:
        ValueError: a tensor is not float32, or its shape or strides do not fit.
    """
    depth, rows = d_y.shape
    columns = x.shape[1]
    _check(d_y, (depth, rows))
    _check(x, (depth, columns))
    _check(out, (rows, columns))
    if columns < _FEW_COLUMNS < rows:
        # Vectors along so few columns would be mostly empty.
        swapped = torch.empty(columns, rows)
        inner = gradient_job(x, d_y, swapped, precision)
        return lambda: (inner(), out.copy_(swapped.t()))
    kernel = kernels(precision)
    alone = depth * rows * columns < _MULTIPLIED_ALONE
    threads = 1 if alone else torch.get_num_threads()
    scratch = _scratch.borrow(threads * kernel.gradient_scratch)
    words = (
        *(d_y.data_ptr(), d_y.stride(0), x.data_ptr(), x.stride(0)),
        *(depth, rows, columns, out.data_ptr(), out.stride(0)),
        *(scratch.data_ptr(), rows >= _FEW_ROWS * threads),
    )
    return Job(kernel.gradient_worker, threads, words, (d_y, x, out, scratch))


def use_tile(kind: Literal["product", "gradient"], rows: int, depth: int, columns: int) -> bool:
    """Say whether generated code beats torch.mm; the packing of a weight counts.

    The rules were found by measurement and depend on the shape alone: results are the same on
    every run.

    Args:
        kind: that of `product_job` or `gradient_job`.
        rows: M, rows of the left side; of both sides of a gradient.
        depth: K, columns of the left side; columns of a gradient's result.
        columns: N, columns of a product; rows of a gradient's result.

    Returns:
        Whether to call the functions of this module.
    """
    work = rows * depth * columns
    if kind == "product":
        # Fewer columns leave most of a vector empty; fewer rows do not pay for packing the
        # weight, nor less work for the call.
        return columns >= 8 and rows >= 16 and work >= 2**22
    if depth == 1:
        # Only memory counts: torch.mm reads it as fast from the cache, and when lines are long.
        return columns <= 512 and work >= 2**23
    if depth < _FEW_COLUMNS:
        # torch.mm is slow where a weight has few columns, once there is work for vectors.
        return columns >= 16 and work >= 2**18
    # Fewer rows of the result do not pay for packing the right side, nor less work for the call.
    return columns >= 64 and work >= 2**23


def _by_rows(rows: int, panels: int, threads: int) -> bool:
    """Decide whether threads share out rows or panels of the packed matrix."""
    if rows < _FEW_ROWS * threads:
        return False
    # Sharing out panels, each thread reads only its part of the packed matrix, but some threads
    # may have a panel more than others.
    is_even = -(-panels // threads) * threads <= 1.05 * panels
    return rows >= _MANY_ROWS * threads or not is_even


class _Scratch(threading.local):
    """Memory that a Python thread keeps: fresh pages would cost more than small products."""

    floats = torch.empty(0)

    def borrow(self, size: int) -> Tensor:
        """Lend as many floats, which others may borrow at the same time."""
        if self.floats.numel() < size:
            self.floats = torch.empty(size)
        return self.floats


_scratch = _Scratch()


def _check(tensor: Tensor, shape: tuple[int, ...]) -> None:
    if tensor.dtype != torch.float32:
        raise ValueError("Own products are of float32 tensors: convert them first.")
    if tensor.shape != shape:
        raise ValueError(
            f"A tensor of a product has shape {tuple(tensor.shape)}, expected {shape}."
        )
    if tensor.stride(-1) != 1 and shape[-1] > 1:
        raise ValueError("The elements of a row must lie side by side: make the tensor contiguous.")
