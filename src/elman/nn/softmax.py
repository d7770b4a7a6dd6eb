"""The output layer of a language model: a distribution over the whole vocabulary."""

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from elman.nn.linear_cross_entropy import fused_applies, linear_cross_entropy, target_log_probs


class FullSoftmax(nn.Module):
    r"""Softmax over every word of the vocabulary.

    $$ p(w \mid x) = \frac{\exp(W_w x + b_w)}{\sum_v \exp(W_v x + b_v)} $$

    Args:
        input_size: features of each row.
        vocabulary_size: words; ids are 0 to `vocabulary_size - 1`.
        weight: a matrix [vocabulary_size, input_size] to share, such as an embedding's.

    Raises:
        ValueError: `weight` has another shape.
    """

    def __init__(
        self, input_size: int, vocabulary_size: int, *, weight: nn.Parameter | None = None
    ) -> None:
        super().__init__()
        if weight is None:
            weight = nn.Parameter(torch.empty(vocabulary_size, input_size))
            nn.init.uniform_(weight, -(input_size**-0.5), input_size**-0.5)
        elif weight.shape != (vocabulary_size, input_size):
            raise ValueError(
                f"FullSoftmax expects weight [{vocabulary_size}, {input_size}], "
                f"got {list(weight.shape)}: a tied embedding must have the size of the features."
            )
        self.weight: nn.Parameter = weight
        self.bias = nn.Parameter(weight.new_zeros(vocabulary_size))

    def loss(
        self,
        features: Float[Tensor, "*batch input"],
        targets: Int[Tensor, "*batch"],
        mask: Bool[Tensor, "*batch"] | None = None,
    ) -> Float[Tensor, ""]:
        """Return the mean negative log-likelihood of the targets in nats.

        Args:
            features: one row a prediction.
            targets: ids in [0, vocabulary_size).
            mask: True where a target counts; all of them without it.

        Returns:
            The mean over counted targets; NaN where there is none.
        """
        rows, ids = features.flatten(0, -2), targets.flatten().long()
        if mask is None:
            return linear_cross_entropy(rows, ids, self.weight, self.bias)
        counted = mask.flatten()
        if not fused_applies(rows, self.weight, self.bias):
            # Fixed shapes, which function transforms and compilation need.
            logits = F.linear(rows, self.weight, self.bias)
            return F.cross_entropy(logits, ids.masked_fill(~counted, -100), ignore_index=-100)
        if not counted.all():
            chosen = counted.nonzero().squeeze(1)
            rows, ids = rows.index_select(0, chosen), ids[chosen]
        return linear_cross_entropy(rows, ids, self.weight, self.bias)

    def target_log_probs(
        self, features: Float[Tensor, "*batch input"], targets: Int[Tensor, "*batch"]
    ) -> Float[Tensor, "*batch"]:
        """Return the log-probability of each target in nats.

        Args:
            features: one row a prediction.
            targets: ids in [0, vocabulary_size).

        Returns:
            One number a target. Without gradients only a few rows of logits exist at a time.
        """
        rows, ids = features.flatten(0, -2), targets.flatten().long()
        return target_log_probs(rows, ids, self.weight, self.bias).view(targets.shape)

    def log_probs(self, features: Float[Tensor, "*batch input"]) -> Float[Tensor, "*batch vocab"]:
        """Return the log-probability of every word in nats.

        Args:
            features: one row a prediction.

        Returns:
            One distribution a row.
        """
        return torch.log_softmax(F.linear(features, self.weight, self.bias), dim=-1)
