"""Beam search: the most probable continuations, found without following all of them."""

import math
from collections.abc import Iterator
from typing import Any, NamedTuple, TypeVar

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from elman.decoding.ranking import Coverage, Divisor, PowerDivisor
from elman.decoding.step import StepFunction
from elman.state import select

State = TypeVar("State")

BY_PROBABILITY = PowerDivisor(0.0)
"""Longer continuations have no advantage."""


class Hypothesis(NamedTuple):
    """One continuation found by a search.

    Args:
        tokens: what follows the first token, with the closing `end` token where it was reached.
        log_probability: of all `tokens`, in nats.
        score: what hypotheses are ranked by.
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
    length: int | Int[Tensor, " batch"],
    end: int | None,
    divisor: Divisor = BY_PROBABILITY,
    coverage: Coverage | None = None,
    count: int | None = None,
) -> list[list[Hypothesis]]:
    r"""Find the best continuations of every row, keeping `width` unfinished ones a row at a time.

    $$ \text{score}(y_{1..n}) = \frac{1}{lp(n)} \sum_{t=1}^{n} \log p(y_t \mid y_{<t}) + cp $$

    A continuation that ends is kept as finished if it is among the `width` best extensions of
    its step; its place is taken by the next best. A row ends early only when no unfinished
    beam, however it went on, could enter its `count` best. The result of a row does not depend
    on the other rows.

    Args:
        step: the model; its log-probabilities are at most 0.
        state: its state before `first` is read, first axis batch.
        first: the token each row starts from, [batch].
        width: beams a row, at least 1; 1 is greedy search.
        length: most tokens of a continuation, at least 1, for all rows or for each; one of this
            length needs no `end`.
        end: the token that closes a continuation; None makes all as long as may be.
        divisor: lp, what log-probabilities are divided by.
        coverage: cp, a penalty on what the `attention` in the state has not seen; none if None.
        count: continuations wanted of a row; as many as beams if None.

    Returns:
        For each row at most `count` hypotheses, best first.

    Raises:
        ValueError: if `width`, `length`, `count` or the weight of `coverage` is out of its range.

    Reference:
        Graves 2012, "Sequence Transduction with Recurrent Neural Networks", section 2.5, and
        Wu et al. 2016, "Google's Neural Machine Translation System", section 7.
        Differs: nothing is pruned by its distance from the best.
    """
    count = width if count is None else count
    limits = torch.as_tensor(length, device=first.device).expand(len(first))
    _check(width, limits, count, coverage)
    found: list[list[Hypothesis]] = [[] for _ in range(len(first))]
    searching = torch.arange(len(first), device=first.device)  # the rows the tensors still hold
    totals = torch.zeros(len(first), 1, device=first.device)
    prefixes = first.new_empty(len(first), 1, 0)
    seen: Any = 0.0  # the attention each source position has got, [batch, beam, source]
    tokens = first
    size = 0
    while len(searching):
        size += 1
        log_probs, state = step(tokens, state)
        num_beams = totals.shape[1]
        totals, beams, tokens = _extend(totals, log_probs, width)
        prefixes = torch.cat([_pick(prefixes, beams), tokens.unsqueeze(-1)], dim=-1)
        penalties = torch.zeros_like(totals)
        if coverage is not None:
            attention: Tensor = state.attention  # type: ignore[attr-defined]
            seen = _pick(seen + attention.unflatten(0, (-1, num_beams)), beams)
            penalties = coverage.penalty(seen, searching)

        last = (limits[searching] == size).unsqueeze(-1)
        closed = last | (tokens == (-1 if end is None else end))
        scores = totals / divisor(size) + penalties
        for index, hypothesis in _finish(totals, scores, prefixes, closed, width):
            row = found[int(searching[index])]
            row.append(hypothesis)
            row.sort(key=lambda hypothesis: -hypothesis.score)  # equals in the order found
            del row[count:]

        totals, places = totals.masked_fill(closed, -math.inf).topk(
            min(width, totals.shape[1]), dim=-1
        )
        going = _can_improve(totals[:, 0], searching, limits, divisor, found, count)
        searching = searching[going]
        totals, places = totals[going], places[going]
        parents = going.unsqueeze(-1) * num_beams + beams[going].gather(1, places)
        state = select(state, parents.flatten())
        prefixes = _pick(prefixes[going], places)
        seen = seen if coverage is None else _pick(seen[going], places)
        tokens = prefixes[..., -1].flatten()
    return found


def _check(
    width: int, limits: Int[Tensor, " batch"], count: int, coverage: Coverage | None
) -> None:
    """Refuse settings out of their range."""
    if width < 1:
        raise ValueError(f"width must be at least 1 beam, got {width}.")
    if bool((limits < 1).any()):
        raise ValueError(f"length must be at least 1 token, got {int(limits.min())}.")
    if not 1 <= count <= width:
        raise ValueError(f"count must be from 1 to the {width} beams, got {count}.")
    if coverage is not None and not 0.0 <= coverage.weight < math.inf:
        raise ValueError(f"coverage must weigh 0 or more, got {coverage.weight}.")


def _extend(
    totals: Float[Tensor, "batch beam"], log_probs: Float[Tensor, "rows vocab"], width: int
) -> tuple[
    Float[Tensor, "batch candidates"],
    Int[Tensor, "batch candidates"],
    Int[Tensor, "batch candidates"],
]:
    """Find the best extensions of each row: totals, the beams they extend, their tokens.

    Twice the width, so that even where each beam's `end` is among them, `width` others are; and
    so no more of any one beam.
    """
    wanted = 2 * width
    best, tokens = log_probs.topk(min(wanted, log_probs.shape[-1]), dim=-1)
    extended = (totals.unsqueeze(-1) + best.unflatten(0, totals.shape)).flatten(1)
    totals, places = extended.topk(min(wanted, extended.shape[1]), dim=-1)
    return totals, places // best.shape[-1], tokens.view(extended.shape).gather(1, places)


def _pick(parts: Tensor, beams: Int[Tensor, "batch picked"]) -> Tensor:
    """Pick beams of each row of `[batch, beam, ...]`."""
    return parts.gather(1, beams.unsqueeze(-1).expand(-1, -1, parts.shape[-1]))


def _finish(
    totals: Float[Tensor, "batch candidates"],
    scores: Float[Tensor, "batch candidates"],
    prefixes: Int[Tensor, "batch candidates time"],
    closed: Bool[Tensor, "batch candidates"],
    width: int,
) -> Iterator[tuple[int, Hypothesis]]:
    """Yield the closed candidates among the best `width` of each row, with the row's index."""
    possible = closed[:, :width] & (totals[:, :width] > -math.inf)
    places = possible.nonzero(as_tuple=True)
    parts = (prefixes[places], totals[places], scores[places])
    hypotheses = map(Hypothesis, *(part.tolist() for part in parts))
    yield from zip(places[0].tolist(), hypotheses, strict=True)


def _can_improve(
    best: Float[Tensor, " batch"],
    searching: Int[Tensor, " batch"],
    limits: Int[Tensor, " rows"],
    divisor: Divisor,
    found: list[list[Hypothesis]],
    count: int,
) -> Int[Tensor, " going"]:
    """Return the indices of the rows whose best unfinished beam could enter the `count` best.

    A beam of total L that ends after n more tokens has a total of at most L, for each token adds
    a log-probability, at most 0. So L / lp(n) is at most L / lp(limit), as L is at most 0 and lp
    does not fall; and a coverage penalty, at most 0, only takes away from that. Beams whose total
    is less have no higher bound, so the best one speaks for all.
    """
    going = []
    rows = zip(searching.tolist(), best.tolist(), limits[searching].tolist(), strict=True)
    for index, (row, total, limit) in enumerate(rows):
        worst = found[row][-1].score if len(found[row]) == count else -math.inf
        if total / divisor(limit) > worst:
            going.append(index)
    return torch.tensor(going, dtype=torch.long, device=best.device)
