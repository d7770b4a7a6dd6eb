"""What writes the target, with the source in sight."""

from typing import Any, NamedTuple, Protocol

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from elman.cells import find_cell
from elman.nn import RNN, AdditiveAttention, MultiplicativeAttention, RNNState
from elman.tasks.translation.config import TranslationConfig
from elman.tasks.translation.encoder import Memory, remembered

Vectors = Float[Tensor, "time batch embed"]


class DecoderState(NamedTuple):
    """What a decoder remembers of what it has written.

    Args:
        cells: states of its layers.
        features: what the last token was predicted from; of use with input feeding only.
        attention: where it looked; nothing without attention.
    """

    cells: RNNState
    features: Float[Tensor, "batch features"]
    attention: Float[Tensor, "batch source"]


class Written(NamedTuple):
    """What a decoder makes of a whole target.

    Args:
        features: what each token is predicted from.
        weights: where it looked; nothing without attention.
    """

    features: Float[Tensor, "time batch features"]
    weights: Float[Tensor, "time batch source"]


class Decoder(Protocol):
    """What reads the tokens written so far and gives features of the next."""

    rnn: RNN
    feature_size: int

    def prepare(self, outputs: Tensor) -> Tensor:
        """Return the keys of the encoder's outputs, made once for all steps.

        Args:
            outputs: `[source, batch, memory]`.
        """

    def start(self, cells: RNNState, memory: Memory) -> DecoderState:
        """Return the state before the first token.

        Args:
            cells: states of the layers.
            memory: the source.
        """

    def __call__(self, vectors: Vectors, memory: Memory, state: DecoderState) -> Written:
        """Read whole targets.

        Args:
            vectors: of their tokens.
            memory: the source.
            state: the state before the first token.
        """

    def step(
        self, vectors: Float[Tensor, "batch embed"], memory: Memory, state: DecoderState
    ) -> DecoderState:
        """Read one token a row; the new state has the features of the next.

        Args:
            vectors: of the tokens.
            memory: the source; of fewer sentences than rows, if as many rows, standing together,
                are of each.
            state: the state before them.
        """


class PlainDecoder(nn.Module):
    """Recurrent layers that know of the source by their first state alone.

    Args:
        config: the settings.
        memory_size: features of the encoder's outputs.

    Reference:
        Sutskever, Vinyals & Le 2014, "Sequence to sequence learning with neural networks",
        section 2.
    """

    def __init__(self, config: TranslationConfig, memory_size: int) -> None:
        super().__init__()
        self.rnn = _layers(config, config.embedding_size)
        self.feature_size = self.rnn.output_size

    def prepare(self, outputs: Tensor) -> Tensor:
        """Return the outputs, for there are no keys; see `Decoder`."""
        return outputs

    def start(self, cells: RNNState, memory: Memory) -> DecoderState:
        """Return the first state; see `Decoder`."""
        batch_size = len(memory.lengths)
        features = memory.outputs.new_zeros(batch_size, self.feature_size)
        return DecoderState(cells, features, features[:, :0])

    def forward(self, vectors: Vectors, memory: Memory, state: DecoderState) -> Written:
        """Read all at once; see `Decoder`."""
        outputs, _ = self.rnn(vectors, state.cells)
        return Written(outputs, outputs[:, :, :0])

    def step(self, vectors: Tensor, memory: Memory, state: DecoderState) -> DecoderState:
        """Read one token; see `Decoder`."""
        # A sequence of one: over many rows the engine is faster than the cell's own step.
        outputs, cells = self.rnn(vectors.unsqueeze(0), state.cells)
        return DecoderState(cells, outputs[0], state.attention)


class MultiplicativeDecoder(nn.Module):
    r"""Recurrent layers whose outputs attend to the source, all steps at once.

    $$ \tilde{h}_t = \tanh(W_c [c_t; h_t]) $$

    Args:
        config: the settings.
        memory_size: features of the encoder's outputs.

    Reference:
        Luong, Pham & Manning 2015, sections 3 and 3.1, global attention, equation 5.
    """

    def __init__(self, config: TranslationConfig, memory_size: int) -> None:
        super().__init__()
        self.feature_size = config.hidden_size
        self.rnn = _layers(config, config.embedding_size + self.fed_size(config))
        self.attention = MultiplicativeAttention(self.rnn.output_size, memory_size)
        joined = memory_size + self.rnn.output_size
        self.feature_map = nn.Linear(joined, self.feature_size, bias=False)
        self.dropout = config.dropout

    @staticmethod
    def fed_size(config: TranslationConfig) -> int:
        """Return how many features a step reads of the step before.

        Args:
            config: the settings.
        """
        return 0

    def prepare(self, outputs: Tensor) -> Tensor:
        """Return the keys; see `Decoder`."""
        return self.attention.prepare(outputs)

    def start(self, cells: RNNState, memory: Memory) -> DecoderState:
        """Return the first state; see `Decoder`."""
        source, batch_size = memory.outputs.shape[:2]
        features = memory.outputs.new_zeros(batch_size, self.feature_size)
        return DecoderState(cells, features, features.new_zeros(batch_size, source))

    def forward(self, vectors: Vectors, memory: Memory, state: DecoderState) -> Written:
        """Read all at once; see `Decoder`."""
        outputs, _ = self.rnn(vectors, state.cells)
        return Written(*self.look(outputs, memory))

    def step(self, vectors: Tensor, memory: Memory, state: DecoderState) -> DecoderState:
        """Read one token; see `Decoder`."""
        # A sequence of one: over many rows the engine is faster than the cell's own step.
        outputs, cells = self.rnn(vectors.unsqueeze(0), state.cells)
        return DecoderState(cells, *self.look(outputs[0], memory))

    def look(self, outputs: Tensor, memory: Memory) -> tuple[Tensor, Tensor]:
        """Attend with the layers' outputs.

        Args:
            outputs: of one step, or of all.
            memory: the source.

        Returns:
            Features and weights.
        """
        outputs = F.dropout(outputs, self.dropout, self.training)
        context, weights = self.attention(outputs, memory.keys, memory.outputs, memory.lengths)
        return self.feature_map(torch.cat([context, outputs], dim=-1)).tanh(), weights


class InputFeedingDecoder(MultiplicativeDecoder):
    r"""Recurrent layers that attend to the source, and are told at each step what they saw.

    $$ h_t = \mathrm{RNN}([y_{t-1}; \tilde{h}_{t-1}], h_{t-1}) $$

    Reference:
        Luong, Pham & Manning 2015, section 3.3.
    """

    @staticmethod
    def fed_size(config: TranslationConfig) -> int:
        """Return the size of the features; see `MultiplicativeDecoder.fed_size`."""
        return config.hidden_size

    def forward(self, vectors: Vectors, memory: Memory, state: DecoderState) -> Written:
        """Read step by step; see `Decoder`."""
        return write_step_by_step(self, vectors, memory, state)

    def step(self, vectors: Tensor, memory: Memory, state: DecoderState) -> DecoderState:
        """Read one token; see `Decoder`."""
        return super().step(torch.cat([vectors, state.features], dim=-1), memory, state)


class AdditiveDecoder(nn.Module):
    r"""Recurrent layers that attend to the source before each step, with their state before it.

    $$ c_t = \mathrm{attention}(s_{t-1}), \quad s_t = \mathrm{RNN}([y_{t-1}; c_t], s_{t-1}) $$
    $$ \tilde{s}_t = \tanh(W [s_t; c_t; y_{t-1}]) $$

    Args:
        config: the settings.
        memory_size: features of the encoder's outputs.

    Reference:
        Bahdanau, Cho & Bengio 2014, section 3.1 and appendix A.2.2. Differs: any cell, in any
        number of layers, the last of which attends with its output; the deep output has s_t for
        s_{t-1} and a hyperbolic tangent for maxout.
    """

    def __init__(self, config: TranslationConfig, memory_size: int) -> None:
        super().__init__()
        self.feature_size = config.hidden_size
        self.rnn = _layers(config, config.embedding_size + memory_size)
        query_size = _query(self.rnn.initial_state(1)).shape[1]
        self.attention = AdditiveAttention(query_size, memory_size, config.hidden_size)
        joined = self.rnn.output_size + memory_size + config.embedding_size
        self.feature_map = nn.Linear(joined, self.feature_size)
        self.dropout = config.dropout

    def prepare(self, outputs: Tensor) -> Tensor:
        """Return the keys; see `Decoder`."""
        return self.attention.prepare(outputs)

    def start(self, cells: RNNState, memory: Memory) -> DecoderState:
        """Return the first state; see `Decoder`."""
        source, batch_size = memory.outputs.shape[:2]
        features = memory.outputs.new_zeros(batch_size, self.feature_size)
        return DecoderState(cells, features, features.new_zeros(batch_size, source))

    def forward(self, vectors: Vectors, memory: Memory, state: DecoderState) -> Written:
        """Read step by step, and make the features of all steps at once; see `Decoder`."""
        cells, steps = state.cells, []
        for vector in vectors:
            *seen, cells = self._advance(vector, memory, cells)
            steps.append(seen)
        outputs, contexts, weights = map(torch.stack, zip(*steps, strict=True))
        return Written(self._features(outputs, contexts, vectors), weights)

    def step(self, vectors: Tensor, memory: Memory, state: DecoderState) -> DecoderState:
        """Read one token; see `Decoder`."""
        outputs, context, weights, cells = self._advance(vectors, memory, state.cells)
        return DecoderState(cells, self._features(outputs, context, vectors), weights)

    def _advance(
        self, vectors: Tensor, memory: Memory, cells: RNNState
    ) -> tuple[Tensor, Tensor, Tensor, RNNState]:
        """Return output, context and weights of a step, and the new states."""
        query = _query(cells)
        context, weights = self.attention(query, memory.keys, memory.outputs, memory.lengths)
        outputs, cells = self.rnn.step(torch.cat([vectors, context], dim=-1), cells)
        return outputs, context, weights, cells

    def _features(self, outputs: Tensor, contexts: Tensor, vectors: Tensor) -> Tensor:
        outputs = F.dropout(outputs, self.dropout, self.training)
        return self.feature_map(torch.cat([outputs, contexts, vectors], dim=-1)).tanh()


def write_step_by_step(
    decoder: Decoder, vectors: Vectors, memory: Memory, state: DecoderState
) -> Written:
    """Read whole targets one token after the other.

    Args:
        decoder: the decoder.
        vectors: of the tokens.
        memory: the source.
        state: the state before the first token.

    Returns:
        What the decoder returns where it needs no steps.
    """
    steps = []
    for vector in vectors:
        state = decoder.step(vector, memory, state)
        steps.append((state.features, state.attention))
    return Written(*map(torch.stack, zip(*steps, strict=True)))


def find_decoder(config: TranslationConfig) -> Any:
    """Find the decoder that the settings name.

    Args:
        config: the settings.

    Returns:
        Its class.
    """
    if config.input_feeding:
        return InputFeedingDecoder
    kinds = {"none": PlainDecoder, "additive": AdditiveDecoder}
    return kinds.get(config.attention, MultiplicativeDecoder)


def _layers(config: TranslationConfig, input_size: int) -> RNN:
    cell = find_cell(config.cell)(input_size, config.hidden_size)
    return RNN(cell, num_layers=config.num_layers, dropout=config.dropout)


def _query(cells: RNNState) -> Float[Tensor, "batch query"]:
    """Return what the last layer remembers."""
    return next(iter(remembered(cells[-1][0]).values()))
