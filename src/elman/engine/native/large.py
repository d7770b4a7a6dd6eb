"""Products over all rows and steps, by generated code or by torch.mm: by shape, never by time."""

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from elman.engine.native.kernels import Precision
from elman.engine.native.multiply import (
    gradient_job,
    pack_job,
    packed_size,
    product_job,
    use_tile,
)
from elman.engine.native.workspace import Workspace

Work = list[Callable[[], object]]
"""What is prepared, to be done in this order."""


def pack(
    weight: Tensor, transposed: bool, precision: Precision, workspace: Workspace, work: Work
) -> Tensor:
    """Prepare the packing of a weight into borrowed memory.

    Args:
        weight: `[N, K]` if transposed, else `[K, N]`.
        transposed: whether products are with the transposed weight.
        precision: what its elements are rounded to.
        workspace: lends the memory.
        work: where the job is added.

    Returns:
        The memory of the packed weight.
    """
    depth, columns = weight.shape[::-1] if transposed else weight.shape
    space = workspace.borrow((packed_size(depth, columns, precision),))
    work.append(pack_job(weight, transposed, space, precision))
    return space


def large_product(
    left: Tensor,
    weight: Tensor,
    transposed: bool,
    initial: Tensor | None,
    out: Tensor,
    precision: Precision,
    workspace: Workspace,
    work: Work,
) -> None:
    """Prepare the product of many rows with a weight.

    Args:
        left: `[M, K]`.
        weight: `[N, K]` if transposed, else `[K, N]`.
        transposed: whether the product is with the transposed weight.
        initial: what is added, `[M, N]` or `[N]`; may be `out`.
        out: where the result goes, `[M, N]`.
        precision: what the factors are rounded to.
        workspace: lends memory for the packed weight.
        work: where the jobs are added.
    """
    rows, depth = left.shape
    columns = out.shape[1]
    if precision == "bfloat16" or use_tile("product", rows, depth, columns):
        packed = pack(weight, transposed, precision, workspace, work)
        work.append(product_job(left, packed, columns, initial, out, precision))
        return
    right = weight.t() if transposed else weight
    if initial is None:
        work.append(partial(torch.mm, left, right, out=out))
    else:
        work.append(partial(torch.addmm, initial, left, right, out=out))


def large_gradient(d_y: Tensor, x: Tensor, out: Tensor, precision: Precision, work: Work) -> None:
    """Prepare the sum of the products of the rows of two matrices, `out = d_y.T @ x`.

    Args:
        d_y: gradients of a product's results, `[M, N]`.
        x: its left sides, `[M, K]`.
        out: the gradient of the weight, `[N, K]`.
        precision: what the factors are rounded to.
        work: where the job is added.
    """
    rows, columns = d_y.shape
    if precision == "bfloat16" or use_tile("gradient", rows, x.shape[1], columns):
        work.append(gradient_job(d_y, x, out, precision))
    else:
        work.append(partial(torch.mm, d_y.t(), x, out=out))
