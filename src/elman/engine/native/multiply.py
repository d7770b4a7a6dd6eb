"""Matrix products by generated code on torch's threads, as jobs of a plan."""

from typing import NamedTuple

import torch
from torch import Tensor

from elman.engine.native.arguments import COLLECT_WORDS, GRADIENT_WORDS
from elman.engine.native.kernels import Precision, kernels
from elman.engine.native.plan import Address, Plan, Word
from elman.engine.native.threads import HEADER_WORDS, available, header

_PACKED_ALONE = 2**16  # elements below which one thread packs a matrix sooner than several
_MULTIPLIED_ALONE = 2**18  # multiplications below which one thread is done sooner than several
_MOVED_ALONE = 2**17  # floats below which one thread moves them sooner than several
_FEW_ROWS = 8  # rows for each thread below which threads share out panels instead
_MANY_ROWS = 96  # rows for each thread from which they share out rows in any case
_FEW_COLUMNS = 12  # columns of a weight below which its gradient is computed transposed


class Rows(NamedTuple):
    """A matrix of floats, those of a row side by side.

    Attributes:
        address: where its first row lies.
        stride: floats from one row to the next.
        rows: how many rows it has.
        columns: floats of a row.
    """

    address: Word
    stride: int
    rows: int
    columns: int

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.rows, self.columns


class Strided(NamedTuple):
    """A matrix of floats of any strides.

    Attributes:
        address: where its first element lies.
        rows: how many rows it has.
        columns: how many columns.
        row_stride: floats from one row to the next.
        column_stride: floats from one column to the next.
    """

    address: Word
    rows: int
    columns: int
    row_stride: int
    column_stride: int

    @classmethod
    def of(cls, address: Word, tensor: Tensor) -> "Strided":
        """Describe a matrix that lies at an address as a tensor lies at its own.

        Args:
            address: the address.
            tensor: two axes.
        """
        return cls(address, *tensor.shape, *tensor.stride())

    def turned(self, transposed: bool) -> "Strided":
        """Return the matrix, or its transpose.

        Args:
            transposed: whether to return the transpose.
        """
        if not transposed:
            return self
        return Strided(self.address, self.columns, self.rows, self.column_stride, self.row_stride)


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


def pack_weight(
    weight: Tensor,
    transposed: bool,
    out: Tensor | None = None,
    precision: Precision = "float32",
) -> Tensor:
    """Pack a weight as the right side of products.

    Args:
        weight: `[N, K]` if transposed, else `[K, N]`; any strides.
        transposed: whether products are with the transposed weight, as in `nn.Linear`.
        out: where to put it, `packed_size(K, N)` floats; new memory if not given.
        precision: what its elements are rounded to.

    Returns:
        The packed weight, flat.

    Raises:
        ValueError: the weight is not float32, or `out` has another size.
    """
    matrix = weight.t() if transposed else weight
    depth, columns = matrix.shape
    size = packed_size(depth, columns, precision)
    out = torch.empty(size) if out is None else out
    if weight.dtype != torch.float32 or out.dtype != torch.float32:
        raise ValueError("Only float32 weights can be packed: convert them first.")
    if out.numel() != size or not out.is_contiguous():
        raise ValueError(f"The packed weight needs {size} contiguous floats, got {out.numel()}.")
    plan = Plan()
    add_pack(plan, Strided.of(matrix.data_ptr(), matrix), out.data_ptr(), precision)
    run_once(plan)
    return out


def run_once(plan: Plan) -> None:
    """Do the work of a plan that names no memory.

    Args:
        plan: the plan.
    """
    launch = plan.finish(kernels("float32").launch)
    memory = torch.empty(launch.floats)
    launch(memory.data_ptr(), ())


def add_pack(plan: Plan, matrix: Strided, target: Word, precision: Precision) -> None:
    """Add the packing of a matrix as the right side of products.

    Args:
        plan: where the job is added.
        matrix: `[K, N]`.
        target: where to put it, `packed_size(K, N)` floats.
        precision: what its elements are rounded to.
    """
    address, depth, columns, *strides = matrix
    threads = available() if depth * columns >= _PACKED_ALONE else 1
    words = (address, *strides, depth, columns, target)
    plan.add(kernels(precision).pack_worker, (*header(threads), *words))


def add_product(
    plan: Plan, left: Rows, packed: Word, initial: Rows | None, out: Rows, precision: Precision
) -> None:
    """Add a product of rows with a packed matrix.

    Args:
        plan: where the job is added.
        left: `[M, K]`.
        packed: where `add_pack` put a matrix `[K, N]`, with the same precision.
        initial: what is added, `[M, N]`, of stride 0 if it is one row; may be `out`.
        out: where the result goes, `[M, N]`.
        precision: what the factors are rounded to.

    Raises:
        ValueError: the shapes do not fit.
    """
    _check(out, (left.rows, out.columns))
    if initial is not None:
        _check(initial, out.shape)
    kernel = kernels(precision)
    alone = left.rows * left.columns * out.columns < _MULTIPLIED_ALONE
    threads = 1 if alone else available()
    line = kernel.scratch_line(left.columns)
    scratch = plan.scratch(threads * kernel.row_block * line)
    words = (
        *(left.address, left.stride, left.rows, left.columns),
        *(packed, out.columns),
        *((0, 0) if initial is None else (initial.address, initial.stride)),
        *(out.address, out.stride),
        _by_rows(left.rows, -(-out.columns // kernel.panel_width), threads),
        *(scratch, line),
    )
    plan.add(kernel.multiply_worker, (*header(threads), *words))


def add_gradient(plan: Plan, d_y: Rows, x: Rows, out: Rows, precision: Precision) -> Address:
    """Add the sum of the products of the rows of two matrices, `out = d_y.T @ x`.

    Args:
        plan: where the job is added.
        d_y: gradients of a product's results, `[M, N]`.
        x: its left sides, `[M, K]`.
        out: the gradient of the weight, `[N, K]`.
        precision: what the factors are rounded to.

    Returns:
        Where the word lies that says how many rows count.

    Raises:
        ValueError: the shapes do not fit.
    """
    _check(x, (d_y.rows, x.columns))
    _check(out, (d_y.columns, x.columns))
    if x.columns < _FEW_COLUMNS < d_y.columns:
        # Vectors along so few columns would be mostly empty.
        swapped = _reserve(plan, x.columns, d_y.columns)
        depth = add_gradient(plan, x, d_y, swapped, precision)
        source = swapped.address, swapped.stride, *swapped.shape
        turned = *header(1), *source, out.address, out.stride
        plan.add(kernels(precision).transpose_worker, turned)
        return depth
    kernel = kernels(precision)
    alone = x.rows * x.columns * d_y.columns < _MULTIPLIED_ALONE
    threads = 1 if alone else available()
    words = (
        *(d_y.address, d_y.stride, x.address, x.stride),
        *(x.rows, d_y.columns, x.columns, out.address, out.stride),
        *(plan.scratch(threads * kernel.gradient_scratch), d_y.columns >= _FEW_ROWS * threads),
    )
    added = plan.add(kernel.gradient_worker, (*header(threads), *words))
    return added.word(HEADER_WORDS + GRADIENT_WORDS.index("depth"))


def add_gated_gradient(
    plan: Plan, gate: Rows, d_y: Rows, x: Rows, out: Rows, precision: Precision
) -> None:
    """Add the same sum, for gradients that are 0 in the rows whose gate is closed.

    Args:
        plan: where the jobs are added.
        gate: `[M, 1]`; 0 is closed.
        d_y: as in `add_gradient`.
        x: as in `add_gradient`.
        out: as in `add_gradient`.
        precision: as in `add_gradient`.

    Raises:
        ValueError: the shapes do not fit.
    """
    counts: list[Address] = []
    chosen: list[Rows] = []
    for matrix in (d_y, x):
        _check(gate, (matrix.rows, 1))
        found = _reserve(plan, *matrix.shape)
        words = (
            *(gate.address, gate.stride, gate.rows, matrix.address, matrix.stride),
            *(matrix.columns, found.address, 0),
        )
        threads = _movers(matrix)
        added = plan.add(kernels(precision).collect_worker, (*header(threads), *words))
        counts.append(added.word(HEADER_WORDS + COLLECT_WORDS.index("count")))
        chosen.append(found)
    depth = add_gradient(plan, chosen[0], chosen[1], out, precision)
    for count in counts:
        plan.set(count, depth)


def add_sum(plan: Plan, matrix: Rows, target: Word) -> None:
    """Add a sum of rows: the copy of one row, zeros if there is none.

    Args:
        plan: where the job is added.
        matrix: the rows.
        target: where the sum goes.
    """
    words = matrix.address, matrix.stride, *matrix.shape, target
    plan.add(kernels("float32").sum_worker, (*header(_movers(matrix)), *words))


def one_row(matrix: Rows) -> Rows:
    """Take rows that lie one behind the other as one.

    Args:
        matrix: the rows, contiguous.

    Returns:
        One row.
    """
    size = matrix.rows * matrix.columns
    return Rows(matrix.address, size, 1, size)


def _movers(matrix: Rows) -> int:
    """Give the threads that share out the columns of a matrix to be moved."""
    return available() if matrix.rows * matrix.columns >= _MOVED_ALONE else 1


def _reserve(plan: Plan, rows: int, columns: int) -> Rows:
    return Rows(plan.reserve(rows * columns), columns, rows, columns)


def _by_rows(rows: int, panels: int, threads: int) -> bool:
    """Decide whether threads share out rows or panels of the packed matrix."""
    if rows < _FEW_ROWS * threads:
        return False
    # Sharing out panels, each thread reads only its part of the packed matrix, but some threads
    # may have a panel more than others.
    is_even = -(-panels // threads) * threads <= 1.05 * panels
    return rows >= _MANY_ROWS * threads or not is_even


def _check(matrix: Rows, shape: tuple[int, int]) -> None:
    if matrix.shape != shape:
        raise ValueError(f"A matrix of a product has shape {matrix.shape}, expected {shape}.")
