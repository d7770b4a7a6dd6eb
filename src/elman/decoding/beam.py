"""Beam search: the most probable continuations, found without following all of them."""

import math
from collections.abc import Iterator
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
    searching = list(range(len(first)))  # the rows that the tensors below still hold
    totals = torch.zeros(len(first), 1, device=first.device)
    prefixes = first.new_empty(len(first), 1, 0)
    tokens = first
    for size in range(1, length + 1):
        log_probs, state = step(tokens, state)
        num_beams = totals.shape[1]
        totals, beams, tokens = _extend(totals, log_probs, width)
        prefixes = torch.cat([_pick(prefixes, beams), tokens.unsqueeze(-1)], dim=-1)
        if size == length:
            closed = torch.ones_like(tokens, dtype=torch.bool)
        else:
            closed = tokens == (-1 if end is None else end)
        for index, hypothesis in _finish(totals, prefixes, closed, width, length_penalty):
            found[searching[index]].append(hypothesis)

        totals = totals.masked_fill(closed, -math.inf)
        totals, places = totals.topk(min(width, totals.shape[1]), dim=-1)
        # Log-probabilities only fall and the divisor is largest at `length`.
        bounds = (totals[:, 0] / length**length_penalty).tolist()
        going = [
            index
            for index, (row, bound) in enumerate(zip(searching, bounds, strict=True))
            if _can_enter(bound, found[row], width)
        ]
        if not going:
            break
        searching = [searching[index] for index in going]
        rows = torch.tensor(going, device=first.device)
        totals, places = totals[rows], places[rows]
        parents = rows.unsqueeze(-1) * num_beams + beams[rows].gather(1, places)
        state = select(state, parents.flatten())
        prefixes = _pick(prefixes[rows], places)
        tokens = prefixes[..., -1].flatten()
    return [_best(hypotheses, width) for hypotheses in found]


def _check(width: int, length: int, length_penalty: float) -> None:
    """Refuse settings out of their range."""
    if width < 1:
        raise ValueError(f"width must be at least 1 beam, got {width}.")
    if length < 1:
        raise ValueError(f"length must be at least 1 token, got {length}.")
    if not 0.0 <= length_penalty < math.inf:
        raise ValueError(f"length_penalty must be 0 or more and finite, got {length_penalty}.")


def _extend(
    totals: Float[Tensor, "batch beam"], log_probs: Float[Tensor, "rows vocab"], width: int
) -> tuple[
    Float[Tensor, "batch candidates"],
    Int[Tensor, "batch candidates"],
    Int[Tensor, "batch candidates"],
]:
    """Find the best extensions of each row: totals, the beams they extend, their tokens.

    Twice the width, so that even where each beam's `end` is among them, `width` others are.
    """
    extended = (totals.unsqueeze(-1) + log_probs.unflatten(0, totals.shape)).flatten(1)
    totals, places = extended.topk(min(2 * width, extended.shape[1]), dim=-1)
    vocabulary_size = log_probs.shape[-1]
    return totals, places // vocabulary_size, places % vocabulary_size


def _pick(
    prefixes: Int[Tensor, "batch beam time"], beams: Int[Tensor, "batch picked"]
) -> Int[Tensor, "batch picked time"]:
    """Pick beams of each row."""
    return prefixes.gather(1, beams.unsqueeze(-1).expand(-1, -1, prefixes.shape[-1]))


def _finish(
    totals: Float[Tensor, "batch candidates"],
    prefixes: Int[Tensor, "batch candidates time"],
    closed: Bool[Tensor, "batch candidates"],
    width: int,
    length_penalty: float,
) -> Iterator[tuple[int, Hypothesis]]:
    """Yield the closed candidates among the best `width` of each row, with the row's index."""
    possible = closed[:, :width] & (totals[:, :width] > -math.inf)
    rows, places = possible.nonzero(as_tuple=True)
    divisor = prefixes.shape[-1] ** length_penalty
    for row, total, tokens in zip(
        rows.tolist(), totals[rows, places].tolist(), prefixes[rows, places].tolist(), strict=True
    ):
        yield row, Hypothesis(tokens, total, total / divisor)


def _best(hypotheses: list[Hypothesis], width: int) -> list[Hypothesis]:
    """Sort best first and keep `width`; of equals the one found first."""
    return sorted(hypotheses, key=lambda hypothesis: -hypothesis.score)[:width]


def _can_enter(bound: float, found: list[Hypothesis], width: int) -> bool:
    """Tell whether an unfinished beam could enter the best, given a bound on its score."""
    if len(found) < width:
        return bound > -math.inf
    return bound > _best(found, width)[-1].score
