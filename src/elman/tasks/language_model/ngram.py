"""The n-gram model as a language model like the others."""

from typing import Any, NamedTuple, Self

import numpy as np
import torch
from jaxtyping import Float, Int, Integer
from torch import Tensor

from elman.statistical import KneserNey
from elman.tasks.language_model.model import LanguageModel


class ContextState(NamedTuple):
    """The tokens read, as many as the model looks at, oldest first; -1 where there is none."""

    context: Int[Tensor, "batch context"]


class NGramLanguageModel(LanguageModel):
    """Interpolated modified Kneser-Ney over token streams.

    Args:
        counts: the estimated model.
    """

    def __init__(self, counts: KneserNey) -> None:
        self.counts = counts

    @classmethod
    def fit(
        cls,
        tokens: Integer[np.ndarray, " time"],
        *,
        order: int,
        vocabulary_size: int,
        boundary: int | None,
    ) -> Self:
        """Count a text; see `KneserNey.fit`.

        Args:
            tokens: the text.
            order: tokens of the longest n-grams.
            vocabulary_size: tokens of the tokeniser.
            boundary: the token at which the context restarts, or None.

        Returns:
            The model.
        """
        counts = KneserNey.fit(
            tokens, order=order, vocabulary_size=vocabulary_size, boundary=boundary
        )
        return cls(counts)

    def initial_state(self, batch_size: int) -> ContextState:
        """Return empty contexts; see `LanguageModel.initial_state`."""
        return ContextState(torch.full((batch_size, self.counts.order - 1), -1))

    def target_log_probs(
        self, inputs: Int[Tensor, "time batch"], targets: Int[Tensor, "time batch"], state: Any
    ) -> tuple[Float[Tensor, "time batch"], Any]:
        """Score targets; see `LanguageModel.target_log_probs`."""
        width = self.counts.order - 1
        stream = torch.cat([state.context.T, inputs])  # [context + time, batch]
        contexts = stream.unfold(0, width, 1)[1:] if width else inputs.unsqueeze(-1)[..., :0]
        scores = self.counts.log_probability(
            contexts.reshape(targets.numel(), width).numpy(), targets.reshape(-1).numpy()
        )
        return torch.from_numpy(scores).view_as(targets), ContextState(stream[len(inputs) :].T)

    def step(
        self, tokens: Int[Tensor, " batch"], state: Any
    ) -> tuple[Float[Tensor, "batch vocab"], Any]:
        """Read one token of each row; see `LanguageModel.step`."""
        context = torch.cat([state.context, tokens.unsqueeze(1)], dim=1)[:, 1:]
        log_probs = self.counts.log_probabilities(context.numpy())
        return torch.from_numpy(log_probs), ContextState(context)
