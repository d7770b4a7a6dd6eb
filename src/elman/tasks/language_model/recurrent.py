"""The recurrent network of a language model."""

from inspect import signature
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from elman.cells import Cell, find_cell
from elman.errors import ConfigError
from elman.nn import (
    RNN,
    Dropout,
    LayerNorm,
    Residual,
    RNNState,
    VariationalDropout,
    Zoneout,
)
from elman.state import map_state
from elman.tasks.language_model.config import LanguageModelConfig

LARGEST_TABLE = 2**15
"""Tokens up to which a stream looks projections up: a few hundred megabytes at most."""
TABLE_ROWS = 1024
"""Tokens projected at a time for the table, for a one-hot vector is as long as the vocabulary."""


class OneHot(nn.Module):
    """Tokens as vectors with a one at the token's place and zeros elsewhere.

    Args:
        like: a parameter whose type and device the vectors take.
        size: tokens of the vocabulary.
    """

    def __init__(self, like: nn.Parameter, size: int) -> None:
        super().__init__()
        self.like = [like]  # in a list, so that it is not registered a second time
        self.size = size

    def forward(self, tokens: Int[Tensor, "*batch"]) -> Float[Tensor, "*batch vocab"]:
        """Return the vectors of tokens.

        Args:
            tokens: ids.
        """
        # Not F.one_hot, which looks at the values and so cannot be transformed by torch.func.
        places = torch.arange(self.size, device=tokens.device)
        return (tokens.unsqueeze(-1) == places).to(self.like[0])


class RecurrentNetwork(nn.Module):
    """Token vectors and a stack of recurrent layers.

    Args:
        config: the settings.
        vocabulary_size: tokens of the tokeniser.

    Reference:
        Mikolov et al. 2010, "Recurrent neural network based language model"; dropout where
        Zaremba, Sutskever & Vinyals 2014 have it, on all connections but the recurrent ones.
    """

    def __init__(self, config: LanguageModelConfig, vocabulary_size: int) -> None:
        super().__init__()
        self.rnn = RNN(
            _layer(config, vocabulary_size),
            num_layers=config.num_layers,
            checkpoint_every=config.checkpoint_every,
        )
        first = self.rnn.layers[0][0]  # type: ignore[index]
        if isinstance(first, Dropout | VariationalDropout):
            first.rate = config.input_dropout  # what enters it are the token vectors
        self.embedding: nn.Module
        if config.input == "one-hot":
            self.embedding = OneHot(next(self.rnn.parameters()), vocabulary_size)
        else:
            self.embedding = nn.Embedding(vocabulary_size, config.embedding_size)
        self.output_size = self.rnn.output_size
        self.vocabulary_size = vocabulary_size
        self.dropout = config.dropout
        self.variational = config.variational

    def initial_state(self, batch_size: int) -> RNNState:
        """Return the stack's initial state; see `Network.initial_state`."""
        return self.rnn.initial_state(batch_size)

    def forward(
        self, tokens: Int[Tensor, "time batch"], state: RNNState
    ) -> tuple[Float[Tensor, "time batch output"], RNNState]:
        """Read tokens; see `Network`."""
        outputs, state = self.rnn(self.embedding(tokens), state)
        if self.variational:  # one mask for all time steps
            mask = F.dropout(torch.ones_like(outputs[:1]), self.dropout, self.training)
            return outputs * mask, state
        return F.dropout(outputs, self.dropout, self.training), state

    def step(
        self, tokens: Int[Tensor, " batch"], state: RNNState
    ) -> tuple[Float[Tensor, "batch output"], RNNState]:
        """Read one token of each row; see `Network`."""
        return self.rnn.step(self.embedding(tokens), state)

    def token_rows(self) -> Any | None:
        """Return the first layer's projection of each token; see `Network`.

        It depends on the token alone, so it is made once for the whole vocabulary, unless that is
        very large.
        """
        if self.vocabulary_size > LARGEST_TABLE:
            return None
        with torch.no_grad():
            tokens = torch.arange(self.vocabulary_size, device=next(self.parameters()).device)
            first: Cell[Any] = self.rnn.layers[0][0]  # type: ignore[index]
            parts = [first.project(self.embedding(some)) for some in tokens.split(TABLE_ROWS)]
            return map_state(lambda *rows: torch.cat(rows), *parts)

    def advance(self, rows: Any, state: RNNState) -> tuple[Float[Tensor, "batch output"], RNNState]:
        """Read the rows of one token each; see `Network`."""
        return self.rnn.advance(rows, state)


def _layer(config: LanguageModelConfig, vocabulary_size: int) -> Cell[Any]:
    """Build the first layer's cell with its wrappers, those inside the recurrence innermost."""
    kind = find_cell(config.cell)
    options = {} if config.forget_bias is None else {"forget_bias": config.forget_bias}
    if not options.keys() <= signature(kind).parameters.keys():
        raise ConfigError(f"--forget-bias: the cell {config.cell!r} has no forget gates.")
    cell = kind(config.input_size(vocabulary_size), config.hidden_size, **options)
    if config.zoneout:
        cell = Zoneout(cell, config.zoneout)
    if config.layer_norm:
        cell = LayerNorm(cell)
    if config.residual:
        cell = Residual(cell)
    if config.dropout or config.input_dropout:
        drop = VariationalDropout if config.variational else Dropout
        cell = drop(cell, config.dropout)
    return cell
