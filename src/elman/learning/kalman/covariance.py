"""Keeps covariance matrices what they are: symmetric, with eigenvalues above zero."""

import torch
from jaxtyping import Float
from torch import Tensor

FLOOR = 1e-12
"""Least eigenvalue of a repaired covariance, as a share of its largest."""


def repaired(
    covariances: Float[Tensor, "*groups weights weights"],
) -> Float[Tensor, "*groups weights weights"]:
    """Return the nearest matrices that are symmetric and positive definite.

    Args:
        covariances: what rounding has left of covariance matrices.

    Returns:
        The same with each eigenvalue raised to a floor.
    """
    symmetric = (covariances + covariances.mT) / 2
    values, vectors = torch.linalg.eigh(symmetric)
    largest = values[..., -1:].clamp(min=torch.finfo(values.dtype).tiny)
    raised = values.maximum(FLOOR * largest)
    return vectors * raised.unsqueeze(-2) @ vectors.mT


def has_variances(covariances: Float[Tensor, "groups weights weights"]) -> bool:
    """Tell whether all variances are above zero, as those of a definite matrix must be.

    Args:
        covariances: covariance matrices.
    """
    return bool((covariances.diagonal(dim1=-2, dim2=-1) > 0).all())
