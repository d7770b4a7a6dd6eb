"""Encoder, decoder and output layer."""

from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from elman.tasks.translation.batches import TranslationInputs
from elman.tasks.translation.config import TranslationConfig
from elman.tasks.translation.decoders import Decoder, DecoderState, Written, find_decoder
from elman.tasks.translation.encoder import Bridge, Encoder, Memory
from elman.tasks.translation.model import TranslationModel

Source = Int[Tensor, "source batch"]
Lengths = Int[Tensor, " batch"]


class StepState(NamedTuple):
    """What a search carries from token to token.

    Args:
        sentence: which source of the batch each row translates.
        decoder: what the decoder remembers.
        attention: where it looked; nothing without attention.
    """

    sentence: Int[Tensor, " batch"]
    decoder: DecoderState
    attention: Float[Tensor, "batch source"]


class TranslationNetwork(TranslationModel):
    """A recurrent encoder that reads the whole source, and a decoder that writes the target.

    Args:
        config: the settings.
        source_size: tokens of the source's vocabulary.
        target_size: tokens of the target's vocabulary.

    Reference:
        Sutskever, Vinyals & Le 2014; Bahdanau, Cho & Bengio 2014; Luong, Pham & Manning 2015;
        `--scheduled-sampling`: Bengio et al. 2015, "Scheduled sampling for sequence prediction
        with recurrent neural networks", at a constant rate.
    """

    def __init__(self, config: TranslationConfig, source_size: int, target_size: int) -> None:
        encoder = Encoder(config, source_size)
        decoder: Any = find_decoder(config)(config, encoder.output_size)
        super().__init__(config, target_size, config.embedding_size, decoder.feature_size)
        self.encoder = encoder
        self.decoder = decoder
        self.bridge = Bridge(encoder.rnn, decoder.rnn)
        self.scheduled_sampling = config.scheduled_sampling

    def write(self, inputs: TranslationInputs) -> Written:
        """Read sources, and targets up to each token; see `TranslationModel.write`."""
        memory, state = self.read(inputs.source, inputs.source_lengths)
        if self.training and self.scheduled_sampling:
            return self._write_sampled(inputs.fed, memory, state)
        return self._decoder(self._vectors(inputs.fed), memory, state)

    def read(self, source: Source, lengths: Lengths) -> tuple[Memory, DecoderState]:
        """Read sources.

        Args:
            source: tokens, padded at the end.
            lengths: of each.

        Returns:
            What was read, and the decoder's state before the first token.
        """
        outputs, states = self.encoder(source, lengths)
        memory = Memory(outputs, self._decoder.prepare(outputs), lengths)
        cells = self.bridge(states, self._decoder.rnn.initial_state(len(lengths)))
        return memory, self._decoder.start(cells, memory)

    def start(self, source: Source, lengths: Lengths) -> tuple["Translating", StepState]:
        """Read sources to translate them token by token; see `TranslationModel.start`."""
        memory, state = self.read(source, lengths)
        rows = torch.arange(len(lengths), device=lengths.device)
        return Translating(self, memory), StepState(rows, state, state.attention)

    @property
    def _decoder(self) -> Decoder:
        found: Decoder = self.decoder
        return found

    def _vectors(self, tokens: Int[Tensor, "*time batch"]) -> Float[Tensor, "*time batch embed"]:
        return F.dropout(self.embedding(tokens), self.dropout, self.training)

    def _write_sampled(
        self, fed: Int[Tensor, "time batch"], memory: Memory, state: DecoderState
    ) -> Written:
        """Feed some tokens drawn from the network's own predictions."""
        own, steps = fed[0], []
        for place, given in enumerate(fed):
            drawn = torch.rand(given.shape, device=given.device) < self.scheduled_sampling
            tokens = given if place == 0 else torch.where(drawn, own, given)
            state = self._decoder.step(self._vectors(tokens), memory, state)
            steps.append((state.features, state.attention))
            with torch.no_grad():
                chances = self.softmax.log_probs(state.features).exp()
                own = torch.multinomial(chances, 1).squeeze(1)
        return Written(*map(torch.stack, zip(*steps, strict=True)))


class Translating:
    """The step function of a network that has read some sources.

    Args:
        network: the network.
        memory: what it has read.
    """

    def __init__(self, network: TranslationNetwork, memory: Memory) -> None:
        self.network = network
        self.memory = memory
        self._rows = torch.arange(len(memory.lengths), device=memory.lengths.device)
        self._of_rows = memory

    def __call__(
        self, tokens: Int[Tensor, " batch"], state: StepState
    ) -> tuple[Float[Tensor, "batch vocab"], StepState]:
        """Read one token of each row; see `StepFunction`.

        Args:
            tokens: the tokens.
            state: what was written before.

        Returns:
            Log-probabilities in nats and the new state.
        """
        if not torch.equal(state.sentence, self._rows):  # it changes at few steps
            self._rows, self._of_rows = state.sentence, self.memory.of(_shared(state.sentence))
        network = self.network
        decoder = network.decoder.step(network._vectors(tokens), self._of_rows, state.decoder)
        log_probs = network.softmax.log_probs(decoder.features)
        return log_probs, StepState(state.sentence, decoder, decoder.attention)


def _shared(sentences: Int[Tensor, " rows"]) -> Int[Tensor, " sentences"]:
    """Return each sentence once if as many rows, standing together, are of each; else all."""
    found, rows = sentences.unique_consecutive(return_counts=True)
    return found if bool((rows == rows[0]).all()) else sentences
