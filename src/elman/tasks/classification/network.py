"""Networks that choose the class of a text or sequence."""

import math

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from elman.tasks.classification.batches import ClassifierInputs
from elman.tasks.classification.config import ClassificationConfig
from elman.tasks.classification.encoders import build_encoder
from elman.tasks.classification.vocabulary import Vocabulary


class Member(nn.Module):
    """An encoder and a score of each class.

    Args:
        config: the settings.
        vocabulary: what it knows.
    """

    def __init__(self, config: ClassificationConfig, vocabulary: Vocabulary) -> None:
        super().__init__()
        self.encoder = build_encoder(config, vocabulary)
        self.output_map = nn.Linear(self.encoder.output_size, len(vocabulary.labels))
        self.dropout = config.dropout

    def forward(
        self, inputs: ClassifierInputs
    ) -> tuple[Float[Tensor, "batch classes"], Float[Tensor, "time batch"] | None]:
        """Score the classes.

        Args:
            inputs: the items.

        Returns:
            Scores, and the share of each step; None if there is none.
        """
        vectors, weights = self.encoder(inputs)
        return self.output_map(F.dropout(vectors, self.dropout, self.training)), weights


class Classifier(nn.Module):
    r"""One network or several that answer together, and a temperature set after learning.

    $$ \bar P(k \mid x) = \frac{1}{M} \sum_m \mathrm{softmax}(W_m s_m + b_m)_k, \quad
       P(k \mid x) = \mathrm{softmax}\big(\log \bar P(\cdot \mid x) / T\big)_k $$

    Args:
        config: the settings.
        vocabulary: what it knows.

    Reference:
        Guo et al. 2017, "On calibration of modern neural networks", section 4.2, for T;
        Lakshminarayanan, Pritzel & Blundell 2017, "Simple and scalable predictive uncertainty
        estimation using deep ensembles", section 2.4, for the mean.
    """

    temperature: Tensor
    class_weights: Tensor

    def __init__(self, config: ClassificationConfig, vocabulary: Vocabulary) -> None:
        super().__init__()
        self.members = nn.ModuleList(Member(config, vocabulary) for _ in range(config.members))
        self.register_buffer("temperature", torch.ones(()))
        self.register_buffer("class_weights", torch.ones(len(vocabulary.labels)))

    def initial_state(self, batch_size: int) -> tuple[()]:
        """Return nothing, for nothing is carried from batch to batch.

        Args:
            batch_size: items of the batch.
        """
        return ()

    def forward(
        self, inputs: ClassifierInputs, state: tuple[()] = ()
    ) -> tuple[Float[Tensor, "members batch classes"], tuple[()]]:
        """Score the classes.

        Args:
            inputs: the items.
            state: nothing.

        Returns:
            The scores of each network, and nothing.
        """
        return torch.stack([member(inputs)[0] for member in self.members]), state

    def read(
        self, inputs: ClassifierInputs
    ) -> tuple[Float[Tensor, "batch classes"], Float[Tensor, "time batch"] | None]:
        """Answer, and tell where the networks looked.

        Args:
            inputs: the items.

        Returns:
            Log-probabilities, before the temperature; and the mean share of each step, None if
            there is none.
        """
        scores, weights = zip(*(member(inputs) for member in self.members), strict=True)
        log_probs = torch.stack(scores).log_softmax(dim=-1).logsumexp(dim=0) - math.log(len(scores))
        return log_probs, None if weights[0] is None else torch.stack(weights).mean(dim=0)

    def criterion(
        self,
        features: Float[Tensor, "members batch classes"],
        targets: Int[Tensor, " batch"],
        lengths: None = None,
    ) -> Float[Tensor, ""]:
        """Return the mean cross-entropy, weighted by class; each network learns for itself.

        Args:
            features: scores.
            targets: the classes.
            lengths: nothing.

        Returns:
            Nats an item.
        """
        everyones = targets.repeat(len(features))
        return F.cross_entropy(features.flatten(0, 1), everyones, self.class_weights)
