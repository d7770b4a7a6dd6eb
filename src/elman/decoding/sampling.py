"""Generation by drawing each token from the model's prediction."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeVar

import torch
from jaxtyping import Float, Int
from torch import Tensor

from elman.decoding.step import StepFunction

State = TypeVar("State")

# Up to this many candidates, noise for each of them costs less than building a running sum.
FEW_CANDIDATES = 512


@dataclass(frozen=True)
class Sampler:
    r"""Draws tokens from log-probabilities, sharpened and truncated.

    $$ q_i \propto p_i^{1 / \tau} \quad \text{for } i \in S $$

    The temperature acts first; `top_k` then keeps the most probable tokens, and `top_p` the
    smallest set of those whose renormalised probability reaches p.

    Args:
        temperature: tau, at least 0; 1 is the model's own distribution, 0 the most probable token.
        top_k: candidates kept, at least 1 (1 is the most probable token); None keeps all.
        top_p: probability kept, in (0, 1]; None keeps all.

    Raises:
        ValueError: if a value is out of its range.

    Reference:
        Holtzman et al. 2020, "The Curious Case of Neural Text Degeneration", equations 2 and 3.
    """

    temperature: float = 1.0
    top_k: int | None = None
    top_p: float | None = None

    def __post_init__(self) -> None:
        if not 0.0 <= self.temperature < math.inf:
            raise ValueError(f"temperature must be 0 or more and finite, got {self.temperature}.")
        if self.top_k is not None and self.top_k < 1:
            raise ValueError(f"top_k must be at least 1, got {self.top_k}.")
        if self.top_p is not None and not 0.0 < self.top_p <= 1.0:
            raise ValueError(f"top_p must be above 0 and at most 1, got {self.top_p}.")

    def __call__(
        self, log_probs: Float[Tensor, "batch vocab"], generator: torch.Generator
    ) -> Int[Tensor, " batch"]:
        """Draw one token a row.

        Args:
            log_probs: log-probabilities, [batch, vocab]; -inf forbids a token.
            generator: source of the noise, on the device of `log_probs`.

        Returns:
            The tokens drawn, [batch].
        """
        if self.temperature == 0.0 or self.top_k == 1:
            return log_probs.argmax(-1)
        top_k = log_probs.shape[-1] if self.top_k is None else self.top_k
        if self.top_p is None and top_k >= log_probs.shape[-1]:
            return _draw(log_probs, self.temperature, generator)
        if top_k < log_probs.shape[-1]:
            candidates, tokens = log_probs.topk(top_k, dim=-1)
        else:
            candidates, tokens = log_probs.sort(dim=-1, descending=True)
        if self.top_p is None:
            choice = _draw(candidates, self.temperature, generator)
        else:
            choice = _draw_nucleus(candidates, self.temperature, self.top_p, generator)
        return tokens.gather(-1, choice.unsqueeze(-1)).squeeze(-1)


def sample(
    step: StepFunction[State],
    state: State,
    first: Int[Tensor, " batch"],
    length: int,
    sampler: Sampler,
    generator: torch.Generator,
    stop: int | None = None,
) -> Iterator[Int[Tensor, " batch"]]:
    """Generate tokens one after another, each as soon as it is drawn.

    Args:
        step: the model.
        state: its state before `first` is read.
        first: the token each row starts from, [batch]; it is read and not yielded.
        length: most tokens yielded.
        sampler: how a token is drawn.
        generator: source of the noise, on the model's device.
        stop: the token that ends a row. A row that has ended repeats it, and generation ends
            when every row has; None always yields `length` tokens.

    Yields:
        The next token of every row, [batch].
    """
    tokens = first
    stopped = torch.zeros_like(first, dtype=torch.bool)
    for _ in range(length):
        with torch.inference_mode():
            log_probs, state = step(tokens, state)
            tokens = sampler(log_probs, generator)
            if stop is not None:
                tokens = tokens.masked_fill(stopped, stop)
                stopped = tokens == stop
        yield tokens
        if stop is not None and bool(stopped.all()):
            return


def _draw(
    log_probs: Float[Tensor, "batch vocab"], temperature: float, generator: torch.Generator
) -> Int[Tensor, " batch"]:
    """Draw from p^(1/temperature), up to a factor; both ways have the same distribution."""
    if log_probs.shape[-1] <= FEW_CANDIDATES:
        # The largest of log p_i - tau log E_i, with E_i exponential, is i in proportion to
        # p_i^(1/tau): -log E_i is Gumbel noise.
        noise = torch.empty_like(log_probs).exponential_(generator=generator).log_()
        return torch.add(log_probs, noise, alpha=-temperature).argmax(-1)
    cumulative = torch.softmax(log_probs / temperature, dim=-1).cumsum(-1)
    return _invert(cumulative, cumulative[:, -1:], generator)


def _draw_nucleus(
    candidates: Float[Tensor, "batch candidates"],
    temperature: float,
    top_p: float,
    generator: torch.Generator,
) -> Int[Tensor, " batch"]:
    """Draw from the fewest leading candidates, sorted best first, whose probability is top_p."""
    cumulative = torch.softmax(candidates / temperature, dim=-1).cumsum(-1)
    last = (cumulative < top_p).sum(-1, keepdim=True).clamp_(max=candidates.shape[-1] - 1)
    return _invert(cumulative, cumulative.gather(-1, last), generator)


def _invert(
    cumulative: Float[Tensor, "batch vocab"],
    mass: Float[Tensor, "batch 1"],
    generator: torch.Generator,
) -> Int[Tensor, " batch"]:
    """Find where a uniform number below `mass` falls in the running sums of probabilities."""
    # rand is at most 1 minus half a unit in the last place, so rounding never reaches mass and
    # the index found has probability above zero.
    uniform = torch.rand(mass.shape, generator=generator, dtype=mass.dtype, device=mass.device)
    return torch.searchsorted(cumulative, uniform * mass, right=True).squeeze(-1)
