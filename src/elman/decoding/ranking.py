"""How finished continuations of different lengths are compared."""

import math
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import torch
from jaxtyping import Float, Int
from torch import Tensor


class Divisor(Protocol):
    """What the log-probability of a continuation is divided by; it never falls with the length."""

    def __call__(self, length: int) -> float:
        """Return the divisor, above 0.

        Args:
            length: tokens of the continuation, at least 1.
        """


@dataclass(frozen=True)
class PowerDivisor:
    r"""A power of the length.

    $$ lp(n) = n^\alpha $$

    Args:
        alpha: at least 0; 0 ranks by log-probability, 1 by its mean per token.

    Raises:
        ValueError: if alpha is out of its range.
    """

    alpha: float

    def __post_init__(self) -> None:
        _check(self.alpha)

    def __call__(self, length: int) -> float:
        """Return the divisor; see `Divisor`."""
        return float(length**self.alpha)


@dataclass(frozen=True)
class WuDivisor:
    r"""A power that starts with a bonus of five tokens.

    $$ lp(n) = \left(\frac{5 + n}{6}\right)^\alpha $$

    Args:
        alpha: at least 0; 0 ranks by log-probability.

    Raises:
        ValueError: if alpha is out of its range.

    Reference:
        Wu et al. 2016, "Google's neural machine translation system", equation 14.
    """

    alpha: float

    def __post_init__(self) -> None:
        _check(self.alpha)

    def __call__(self, length: int) -> float:
        """Return the divisor; see `Divisor`."""
        return float(((5 + length) / 6) ** self.alpha)


class Coverage(NamedTuple):
    r"""A penalty on what a continuation leaves out of the source.

    $$ cp = \beta \sum_i \log \min\Bigl(\sum_t \alpha_{ti}, 1\Bigr) $$

    Args:
        weight: beta, at least 0.
        lengths: positions of each row's source.

    Reference:
        Wu et al. 2016, equation 14.
    """

    weight: float
    lengths: Int[Tensor, " batch"]

    def penalty(
        self, seen: Float[Tensor, "batch candidates source"], rows: Int[Tensor, " batch"]
    ) -> Float[Tensor, "batch candidates"]:
        """Return the penalties of continuations, at most 0.

        Args:
            seen: the attention that each position has got in all.
            rows: which of the sources they translate.

        Returns:
            One number a continuation.
        """
        places = torch.arange(seen.shape[-1], device=seen.device)
        beyond = places >= self.lengths[rows].view(-1, 1, 1)
        least = torch.finfo(seen.dtype).tiny  # what got no attention at all costs much, not all
        return self.weight * seen.clamp(least, 1.0).masked_fill(beyond, 1.0).log().sum(dim=-1)


def _check(alpha: float) -> None:
    if not 0.0 <= alpha < math.inf:
        raise ValueError(f"alpha must be 0 or more and finite, got {alpha}.")
