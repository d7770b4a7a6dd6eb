"""The best paths through a chain of tags."""

from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor


class Paths(NamedTuple):
    """Sequences of tags, the best first.

    Args:
        tags: of each; beyond a row's length the last one again.
        scores: of each; minus infinity where a row has fewer paths.
    """

    tags: Int[Tensor, "paths time batch"]
    scores: Float[Tensor, "paths batch"]


def find_best_paths(
    start: Float[Tensor, " tags"],
    between: Float[Tensor, "tags tags"],
    end: Float[Tensor, " tags"],
    scores: Float[Tensor, "time batch tags"],
    lengths: Int[Tensor, " batch"],
    count: int,
) -> Paths:
    r"""Find the best paths by the Viterbi algorithm.

    $$ \mathrm{score}(y) = a_{y_1} + \sum_{t=1}^{T} s_t(y_t) + \sum_{t=2}^{T} A_{y_{t-1} y_t} +
       e_{y_T} $$

    Args:
        start: score of each tag as the first.
        between: score of each tag after each.
        end: score of each tag as the last.
        scores: of each tag at each step.
        lengths: valid steps of each row, at least 1.
        count: how many, at least 1.

    Returns:
        The paths.

    Reference:
        Viterbi 1967, "Error bounds for convolutional codes and an asymptotically optimum decoding
        algorithm"; Huang & Chiang 2005, "Better k-best parsing", section 4, for more than one path.
    """
    steps, batch, tags = scores.shape
    # The best paths into each tag, [batch, ranks, tags]; at first there is one.
    best = scores.new_full((batch, count, tags), -torch.inf)
    best[:, 0] = start + scores[0]
    here = torch.arange(count * tags, device=scores.device).view(count, tags)
    came_from = []
    for t in range(1, steps):
        longer = best.unsqueeze(-1) + between  # [batch, ranks, tags before, tags]
        ranked, sources = longer.flatten(1, 2).topk(count, dim=1)
        valid = (t < lengths).view(-1, 1, 1)
        best = torch.where(valid, ranked + scores[t].unsqueeze(1), best)
        came_from.append(torch.where(valid, sources, here).flatten(1))
    totals, place = (best + end).flatten(1).topk(count, dim=1)
    places = [place]
    for sources in reversed(came_from):
        places.append(sources.gather(1, places[-1]))
    found = torch.stack(places[::-1]) % tags  # [time, batch, ranks]
    return Paths(found.permute(2, 0, 1), totals.T)
