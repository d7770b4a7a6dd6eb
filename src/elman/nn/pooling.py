"""From the features of a sequence to one vector."""

from typing import NamedTuple, Protocol

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

Features = Float[Tensor, "time batch features"]
Lengths = Int[Tensor, " batch"]


class Pooled(NamedTuple):
    """One vector a sequence.

    Args:
        vectors: `[batch, features]`; zero for a sequence without steps.
        weights: the share of each step, `[time, batch]`; None if there are none.
    """

    vectors: Float[Tensor, "batch features"]
    weights: Float[Tensor, "time batch"] | None


class Pooling(Protocol):
    """What makes one vector of a sequence."""

    def __call__(self, features: Features, lengths: Lengths) -> Pooled:
        """Pool the valid steps.

        Args:
            features: of each step.
            lengths: valid steps of each row, 0 to time.
        """


class LastPooling(nn.Module):
    """The output after all steps were read; see `last_outputs`.

    Args:
        bidirectional: whether the second half of the features was read backward.
    """

    def __init__(self, *, bidirectional: bool = False) -> None:
        super().__init__()
        self.bidirectional = bidirectional

    def forward(self, features: Features, lengths: Lengths) -> Pooled:
        """Pool; see `Pooling`."""
        return Pooled(last_outputs(features, lengths, bidirectional=self.bidirectional), None)


class MeanPooling(nn.Module):
    r"""The mean over the valid steps.

    $$ s = \frac{1}{T} \sum_t h_t $$
    """

    def forward(self, features: Features, lengths: Lengths) -> Pooled:
        """Pool; see `Pooling`."""
        kept = features.masked_fill(~_valid(features, lengths), 0.0)
        return Pooled(kept.sum(dim=0) / lengths.clamp_min(1).unsqueeze(1), None)


class MaxPooling(nn.Module):
    r"""The largest value of each feature over the valid steps.

    $$ s_i = \max_t h_{t,i} $$

    Reference:
        Collobert et al. 2011, "Natural language processing (almost) from scratch", section 3.3.2.
    """

    def forward(self, features: Features, lengths: Lengths) -> Pooled:
        """Pool; see `Pooling`."""
        kept = features.masked_fill(~_valid(features, lengths), -torch.inf)
        return Pooled(kept.amax(dim=0).masked_fill((lengths == 0).unsqueeze(1), 0.0), None)


class AttentionPooling(nn.Module):
    r"""A mean whose weights are learnt.

    $$ u_t = \tanh(W h_t + b), \quad \alpha_t = \mathrm{softmax}_t(u_t^\top u), \quad
       s = \sum_t \alpha_t h_t $$

    Args:
        size: features of a step.

    Reference:
        Yang et al. 2016, "Hierarchical attention networks for document classification",
        equations 5 to 7.
    """

    def __init__(self, size: int) -> None:
        super().__init__()
        self.hidden_map = nn.Linear(size, size)
        self.context = nn.Linear(size, 1, bias=False)

    def forward(self, features: Features, lengths: Lengths) -> Pooled:
        """Pool; see `Pooling`."""
        valid = _valid(features, lengths)
        scores = self.context(self.hidden_map(features).tanh())
        # The least number, not minus infinity, so that a row without steps has no NaN.
        least = torch.finfo(scores.dtype).min
        weights = scores.masked_fill(~valid, least).softmax(dim=0).masked_fill(~valid, 0.0)
        kept = features.masked_fill(~valid, 0.0)
        return Pooled((weights * kept).sum(dim=0), weights.squeeze(-1))


def last_outputs(
    features: Features, lengths: Lengths, *, bidirectional: bool
) -> Float[Tensor, "batch features"]:
    """Return what a recurrent layer gave when it had read all of each sequence.

    Args:
        features: outputs of the layer.
        lengths: valid steps of each row, 0 to time.
        bidirectional: whether the second half of the features was read backward, so that its
            last output stands at the first step.

    Returns:
        Outputs, zero for rows without steps.
    """
    ahead = features.chunk(2, dim=-1)[0] if bidirectional else features
    place = (lengths - 1).clamp_min(0).view(1, -1, 1).expand(1, -1, ahead.shape[2])
    last = ahead.gather(0, place)[0]
    if bidirectional:
        last = torch.cat([last, features.chunk(2, dim=-1)[1][0]], dim=-1)
    return last.masked_fill((lengths == 0).unsqueeze(1), 0.0)


def _valid(features: Features, lengths: Lengths) -> Bool[Tensor, "time batch 1"]:
    steps = torch.arange(len(features), device=features.device).unsqueeze(1)
    return (steps < lengths).unsqueeze(-1)
