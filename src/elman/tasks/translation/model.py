"""What every neural translation answers: its loss, and a step function."""

from abc import ABC, abstractmethod
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from elman.nn import FullSoftmax
from elman.tasks.translation.batches import TranslationInputs
from elman.tasks.translation.config import TranslationConfig
from elman.tasks.translation.decoders import Written
from elman.tasks.translation.smoothing import smoothing_loss

Lengths = Int[Tensor, " batch"]


class TranslationModel(nn.Module, ABC):
    """Vectors of target tokens, something that reads and writes, and a softmax.

    Args:
        config: the settings.
        target_size: tokens of the target's vocabulary.
        embedding_size: numbers in a target token's vector.
        feature_size: numbers that a token is predicted from.
    """

    length_ratio: Tensor
    """Target tokens for each of the source: how long a translation may be."""

    def __init__(
        self, config: TranslationConfig, target_size: int, embedding_size: int, feature_size: int
    ) -> None:
        super().__init__()
        self.embedding = nn.Embedding(target_size, embedding_size)
        nn.init.uniform_(self.embedding.weight, -0.1, 0.1)
        shared: Any = self.embedding.weight if config.tie else None
        self.softmax = FullSoftmax(feature_size, target_size, weight=shared)
        self.register_buffer("length_ratio", torch.tensor(1.0))
        self.dropout = config.dropout
        self.label_smoothing = config.label_smoothing

    @abstractmethod
    def write(self, inputs: TranslationInputs) -> Written:
        """Read sources, and targets up to each token.

        Args:
            inputs: both.

        Returns:
            What each token is predicted from, and where the decoder looked.
        """

    @abstractmethod
    def start(self, source: Int[Tensor, "source batch"], lengths: Lengths) -> tuple[Any, Any]:
        """Read sources to translate them token by token.

        Args:
            source: tokens, padded at the end.
            lengths: of each.

        Returns:
            A step function and its first state.
        """

    def initial_state(self, batch_size: int) -> tuple[()]:
        """Return nothing, for nothing is carried from batch to batch.

        Args:
            batch_size: pairs of the batch.
        """
        return ()

    def forward(
        self, inputs: TranslationInputs, state: tuple[()] = ()
    ) -> tuple[Float[Tensor, "time batch features"], tuple[()]]:
        """Read sources, and targets up to each token.

        Args:
            inputs: both.
            state: nothing.

        Returns:
            What each token is predicted from, and nothing.
        """
        return F.dropout(self.write(inputs).features, self.dropout, self.training), state

    def criterion(
        self,
        features: Float[Tensor, "time batch features"],
        targets: Int[Tensor, "time batch"],
        lengths: Lengths,
    ) -> Float[Tensor, ""]:
        """Return the mean cross-entropy, in training with smoothed targets.

        Args:
            features: what `forward` returned.
            targets: tokens, padded at the end.
            lengths: tokens of each target.

        Returns:
            Nats a token.
        """
        places = torch.arange(len(targets), device=targets.device).unsqueeze(1)
        chosen = (places < lengths).flatten().nonzero().squeeze(1)
        rows, ids = features.flatten(0, 1).index_select(0, chosen), targets.flatten()[chosen]
        loss = self.softmax.loss(rows, ids)
        if self.training and self.label_smoothing:
            weight, bias = self.softmax.weight, self.softmax.bias
            loss = loss + self.label_smoothing * smoothing_loss(rows, ids, weight, bias)
        return loss

    def target_log_probs(
        self, inputs: TranslationInputs, targets: Int[Tensor, "time batch"]
    ) -> Float[Tensor, "time batch"]:
        """Return the log-probability of each target after those before it.

        Args:
            inputs: the sources, and what the decoder reads.
            targets: tokens; numbers beyond a target's length mean nothing.

        Returns:
            Nats.
        """
        return self.softmax.target_log_probs(self.write(inputs).features, targets)
