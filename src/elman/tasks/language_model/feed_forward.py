"""The feed-forward language model: a window of past tokens."""

from itertools import pairwise
from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from elman.tasks.language_model.config import LanguageModelConfig


class WindowState(NamedTuple):
    """The tokens before the next input, oldest first."""

    past: Int[Tensor, "batch past"]


class FeedForwardNetwork(nn.Module):
    r"""Token vectors of a window, joined, through layers of hidden units.

    $$ x = (C(w_{t-1}), \ldots, C(w_{t-n+1})), \quad a = \tanh(d + H x) $$

    Args:
        config: the settings; the window holds `order - 1` tokens.
        vocabulary_size: tokens of the tokeniser.
        boundary: the token that stands for everything before the text.

    Reference:
        Bengio et al. 2003, "A neural probabilistic language model", section 2, without the
        direct connections from x to the output (W = 0).
    """

    def __init__(self, config: LanguageModelConfig, vocabulary_size: int, boundary: int) -> None:
        super().__init__()
        self.past = config.order - 2  # beside the present input
        self.boundary = boundary
        self.embedding = nn.Embedding(vocabulary_size, config.embedding_size)
        sizes = [config.embedding_size * (config.order - 1)]
        sizes += [config.hidden_size] * config.num_layers
        self.layers = nn.ModuleList(
            nn.Linear(size, next_size) for size, next_size in pairwise(sizes)
        )
        self.input_dropout = config.input_dropout
        self.dropout = nn.Dropout(config.dropout)
        self.output_size = config.hidden_size

    def initial_state(self, batch_size: int) -> WindowState:
        """Return a window of boundary tokens; see `Network.initial_state`."""
        device = self.embedding.weight.device
        return WindowState(
            torch.full((batch_size, self.past), self.boundary, dtype=torch.long, device=device)
        )

    def forward(
        self, tokens: Int[Tensor, "time batch"], state: WindowState
    ) -> tuple[Float[Tensor, "time batch output"], WindowState]:
        """Read tokens; see `Network`."""
        stream = torch.cat([state.past.T, tokens])  # [past + time, batch]
        windows = self.embedding(stream).unfold(
            0, self.past + 1, 1
        )  # [time, batch, embed, order - 1]
        hidden = F.dropout(windows.flatten(2), self.input_dropout, self.training)
        for layer in self.layers:
            hidden = self.dropout(layer(hidden).tanh())
        return hidden, WindowState(stream[len(tokens) :].T)

    def step(
        self, tokens: Int[Tensor, " batch"], state: WindowState
    ) -> tuple[Float[Tensor, "batch output"], WindowState]:
        """Read one token of each row; see `Network`."""
        features, state = self(tokens.unsqueeze(0), state)
        return features[0], state

    def token_rows(self) -> None:
        """Return none; see `Network`."""
