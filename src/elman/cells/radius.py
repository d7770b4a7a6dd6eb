"""The spectral radius of a matrix of which only products are known."""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

DENSE_SIZE = 256
"""Up to this size all eigenvalues are found at once."""
BASIS = 128
"""Vectors of the Krylov basis."""
KEPT = 48
"""Vectors that a restart keeps, about."""
RESTARTS = 200
ROUNDING = 1e-12
"""A product whose new part is a smaller share than this holds nothing new."""
TOLERANCE = 1e-6
"""Residual of the eigenpair that is found, as a share of the eigenvalue."""

Product = Callable[[Tensor], Tensor]
"""Takes `[batch, size]` and returns the product of the matrix with each row."""


def spectral_radius(product: Product, size: int) -> float:
    r"""Find the largest modulus of the eigenvalues of a square matrix.

    Small matrices are diagonalised. For large ones an eigenvector is sought in the space that
    $v, W v, W^2 v, \dots$ span, which is restarted from its best part when it is full.

    Args:
        product: multiplies the matrix with each row of a float64 tensor `[batch, size]`.
        size: rows and columns of the matrix.

    Returns:
        The spectral radius.

    Raises:
        ValueError: if the search does not come to rest.

    Reference:
        Stewart 2001, "A Krylov-Schur algorithm for large eigenproblems", section 3.
    """
    if size <= DENSE_SIZE:
        return _largest(product(torch.eye(size, dtype=torch.float64)))
    basis = torch.zeros(BASIS + 1, size, dtype=torch.float64)
    start = torch.randn(size, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    basis[0] = start / start.norm()
    # product(basis[:-1]) = basis.T @ projected, apart from rounding.
    projected = torch.zeros(BASIS + 1, BASIS, dtype=torch.float64)
    filled = 0
    for _ in range(RESTARTS):
        for column in range(filled, BASIS):
            if _extend(product, basis, projected, column) == 0:
                return _largest(projected[: column + 1, : column + 1])
        values, vectors = torch.linalg.eig(projected[:BASIS])
        order = values.abs().argsort(descending=True)
        residual = (projected[BASIS].to(vectors.dtype) @ vectors[:, order[0]]).abs()
        if residual <= TOLERANCE * values[order[0]].abs():
            return values[order[0]].abs().item()
        basis, projected, filled = _restart(basis, projected, values[order], vectors[:, order])
    raise ValueError(
        f"The spectral radius of a matrix of size {size} was not found in {RESTARTS} restarts."
    )


def _largest(matrix: Float[Tensor, "size size"]) -> float:
    return torch.linalg.eigvals(matrix).abs().max().item()


def _extend(product: Product, basis: Tensor, projected: Tensor, column: int) -> float:
    """Add the part of a basis vector's product that is new; return how long that part is."""
    new = product(basis[column : column + 1])[0]
    negligible = ROUNDING * new.norm().item()
    known = basis[: column + 1]
    for _ in range(2):  # once leaves errors of rounding
        shares = known @ new
        new = new - shares @ known
        projected[: column + 1, column] += shares
    length = new.norm().item()
    if length <= negligible:
        return 0.0
    projected[column + 1, column] = length
    basis[column + 1] = new / length
    return length


def _restart(
    basis: Tensor, projected: Tensor, values: Tensor, vectors: Tensor
) -> tuple[Tensor, Tensor, int]:
    """Keep the part of the space that belongs to the first of the ordered eigenvalues."""
    columns: list[Tensor] = []
    for value, vector in zip(values, vectors.T, strict=True):
        if value.imag < 0:
            continue  # its conjugate spans the same plane
        columns += [vector.real] if value.imag == 0 else [vector.real, vector.imag]
        if len(columns) >= KEPT:
            break
    kept = torch.linalg.qr(torch.stack(columns, dim=1)).Q
    filled = kept.shape[1]
    smaller, fewer = torch.zeros_like(basis), torch.zeros_like(projected)
    smaller[:filled] = kept.T @ basis[:BASIS]
    smaller[filled] = basis[BASIS]
    fewer[:filled, :filled] = kept.T @ projected[:BASIS] @ kept
    fewer[filled, :filled] = projected[BASIS] @ kept
    return smaller, fewer, filled
