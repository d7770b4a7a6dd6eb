"""Label smoothing on top of a fused cross-entropy."""

import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor


def smoothing_loss(
    features: Float[Tensor, "rows input"],
    targets: Int[Tensor, " rows"],
    weight: Float[Tensor, "vocab input"],
    bias: Float[Tensor, " vocab"],
) -> Float[Tensor, ""]:
    r"""Return what a cross-entropy lacks to one with smoothed targets, a share of one.

    With logits $z = W x + b$ the normalisers cancel, and no logits but the target's are needed:

    $$ -\frac{1}{V} \sum_v \log p_v + \log p_y = z_y - \frac{1}{V} \sum_v z_v
       = (W_y - \bar{W}) x + b_y - \bar{b} $$

    Args:
        features: one row a prediction.
        targets: ids in [0, vocab).
        weight: one row a word.
        bias: one number a word.

    Returns:
        The mean over rows; times the share, to be added to the cross-entropy.

    Reference:
        Szegedy et al. 2016, "Rethinking the inception architecture for computer vision",
        section 7, with a uniform distribution over the labels.
    """
    of_targets = (F.embedding(targets, weight) * features).sum(dim=-1) + bias[targets]
    of_all = F.linear(features, weight.mean(dim=0, keepdim=True)).squeeze(-1) + bias.mean()
    return (of_targets - of_all).mean()
