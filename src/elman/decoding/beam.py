"""Beam search: the most probable continuations, found without following all of them."""

import math
from typing import NamedTuple, TypeVar

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from elman.decoding.step import StepFunction
from elman.state import select

State = TypeVar("State")


class Hypothesis(NamedTuple):
    """One continuation found by a search.

    Args:
        tokens: what follows the first token, with the closing `end` token where it was reached.
        log_probability: of all `tokens`, in nats.
        score: what hypotheses are ranked by, the length-normalised log-probability.
    """

    tokens: list[int]
    log_probability: float
    score: float


class _Candidates(NamedTuple):
    """Extensions of the beams of each row, best first: twice the width, so that `width` that do
    not end are among them."""

    totals: Float[Tensor, "batch candidates"]
    beams: Int[Tensor, "batch candidates"]
    tokens: Int[Tensor, "batch candidates"]


@torch.no_grad()
def beam_search(
    step: StepFunction[State],
    state: State,
    first: Int[Tensor, " batch"],
    *,
    width: int,
    length: int,
    end: int | None,
    length_penalty: float = 0.0,
) -> list[list[Hypothesis]]:
    r"""Find the best continuations of every row, keeping `width` unfinished ones a row at a time.

    $$ \text{score}(y_{1..n}) = \frac{1}{n^\alpha} \sum_{t=1}^{n} \log p(y_t \mid y_{<t}) $$

    A continuation that ends is kept as finished if it is among the `width` best extensions of
    its step; its place is taken by the next best. A row ends early only when no unfinished
    beam, however it went on, could enter its `width` best. The result of a row does not depend
    on the other rows.

    Args:
        step: the model; its log-probabilities are at most 0.
        state: its state before `first` is read, first axis batch.
        first: the token each row starts from, [batch].
        width: beams a row, at least 1; 1 is greedy search.
        length: most tokens of a continuation, at least 1; one of this length needs no `end`.
        end: the token that closes a continuation; None makes all `length` long.
        length_penalty: alpha, at least 0; 0 ranks by log-probability, 1 by its mean per token.

    Returns:
        For each row at most `width` hypotheses, best first.

    Raises:
        ValueError: if `width`, `length` or `length_penalty` is out of its range.

    Reference:
        Graves 2012, "Sequence Transduction with Recurrent Neural Networks", section 2.5, and
        Wu et al. 2016, "Google's Neural Machine Translation System", section 7.
        Differs: n^alpha in place of Wu's ((5 + n) / 6)^alpha, and no pruning.
    """
    _check(width, length, length_penalty)
    found: list[list[Hypothesis]] = [[] for _ in range(len(first))]
    searching = list(range(len(first)))  # the rows of `first` that the tensors below still hold
    totals = torch.zeros(len(first), 1, device=first.device)
    prefixes = first.new_empty(len(first), 1, 0)
    tokens = first
    for size in range(1, length + 1):
        log_probs, state = step(tokens, state)
        candidates = _extend(totals, log_probs, width)
        ends = candidates.tokens == end if end is not None and size < length else None
        closed = torch.full_like(candidates.beams, size == length, dtype=torch.bool)
        if ends is not None:
            closed = ends
        for row, hypothesis in _finished(candidates, closed, prefixes, width, length_penalty):
            found[searching[row]].append(hypothesis)
        live = candidates.totals.masked_fill(closed, -math.inf)
        totals, places = live.topk(min(width, live.shape[1]), dim=-1)
        kept = []
        for index, best in enumerate(totals[:, 0].tolist()):
            row = searching[index]
            found[row] = sorted(found[row], key=lambda found: -found.score)[:width]
            # Log-probabilities only fall and the divisor only grows up to `length`.
            if len(found[row]) < width or best / length**length_penalty > found[row][-1].score:
                kept.append(index)
    return found
