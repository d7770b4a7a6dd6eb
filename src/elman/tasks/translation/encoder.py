"""What reads the source, and hands it over."""

from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from elman.cells import find_cell
from elman.errors import ConfigError
from elman.nn import RNN, RNNState
from elman.tasks.translation.config import TranslationConfig

MEMORIES = ("hidden", "output", "cell", "context", "real", "imaginary")
"""Parts of cell states that remember what was read; others are clocks and scales."""


class Memory(NamedTuple):
    """A source that has been read.

    Args:
        outputs: what the encoder gave at each position; zero beyond a row's length.
        keys: what queries are compared with.
        lengths: positions of each row.
    """

    outputs: Float[Tensor, "source batch memory"]
    keys: Float[Tensor, "source batch keys"]
    lengths: Int[Tensor, " batch"]

    def of(self, rows: Int[Tensor, " rows"]) -> "Memory":
        """Pick rows of the batch.

        Args:
            rows: which of them, repeats allowed.

        Returns:
            Their memory.
        """
        outputs, keys, lengths = self
        picked = outputs.index_select(1, rows)
        same = keys is outputs
        return Memory(picked, picked if same else keys.index_select(1, rows), lengths[rows])


class Encoder(nn.Module):
    """Token vectors and recurrent layers over the source.

    Args:
        config: the settings.
        vocabulary_size: tokens of the source.
    """

    def __init__(self, config: TranslationConfig, vocabulary_size: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocabulary_size, config.embedding_size)
        nn.init.uniform_(self.embedding.weight, -0.1, 0.1)
        self.rnn = RNN(
            find_cell(config.cell)(config.embedding_size, config.hidden_size),
            num_layers=config.num_layers,
            bidirectional=config.bidirectional,
            dropout=config.dropout,
        )
        self.output_size = self.rnn.output_size
        self.dropout = config.dropout

    def forward(
        self, source: Int[Tensor, "source batch"], lengths: Int[Tensor, " batch"]
    ) -> tuple[Float[Tensor, "source batch memory"], RNNState]:
        """Read sources.

        Args:
            source: tokens, padded at the end.
            lengths: of each.

        Returns:
            The outputs at each position and the final states.
        """
        vectors = F.dropout(self.embedding(source), self.dropout, self.training)
        outputs, state = self.rnn(vectors, lengths=lengths)
        return F.dropout(outputs, self.dropout, self.training), state


class Bridge(nn.Module):
    r"""The decoder's first state, mapped from the encoder's last, layer by layer.

    $$ s_0^l = \tanh(W^l [\overrightarrow{h}_T^l; \overleftarrow{h}_1^l] + b^l) $$

    All parts of a state that remember are read and written so.

    Args:
        encoder: the encoder's layers.
        decoder: the decoder's layers, as many.

    Raises:
        ConfigError: if the cell's state has no part that is known to remember.

    Reference:
        Bahdanau, Cho & Bengio 2014, appendix A.2.2. Differs: reads both directions and every
        part, in each layer.
    """

    def __init__(self, encoder: RNN, decoder: RNN) -> None:
        super().__init__()
        self.maps = nn.ModuleList()
        for read, (start,) in zip(encoder.initial_state(1), decoder.initial_state(1), strict=True):
            sizes = [part.shape[1] for state in read for part in remembered(state).values()]
            written = [part.shape[1] for part in remembered(start).values()]
            self.maps.append(nn.Linear(sum(sizes), sum(written)))

    def forward(self, read: RNNState, start: RNNState) -> RNNState:
        """Map states.

        Args:
            read: the encoder's final states.
            start: the decoder's initial states of as many rows.

        Returns:
            The decoder's states that know of the source.
        """
        states = []
        for mapping, layer, (state,) in zip(self.maps, read, start, strict=True):
            parts = [part for own in layer for part in remembered(own).values()]
            names = remembered(state)
            mapped = mapping(torch.cat(parts, dim=1)).tanh()
            pieces = mapped.split([part.shape[1] for part in names.values()], dim=1)
            states.append((state._replace(**dict(zip(names, pieces, strict=True))),))
        return tuple(states)


def remembered(state: Any) -> dict[str, Tensor]:
    """Return the parts of a cell's state that remember.

    Args:
        state: a NamedTuple.

    Returns:
        `[batch, size]` tensors by name, what the cell gives out first.

    Raises:
        ConfigError: if there are none.
    """
    names = [name for name in MEMORIES if name in getattr(state, "_fields", ())]
    if not names:
        raise ConfigError(
            f"--cell: its state has no part called {', '.join(MEMORIES)}, in which the decoder "
            "could be told of the source: choose another cell."
        )
    return {name: getattr(state, name) for name in names}
