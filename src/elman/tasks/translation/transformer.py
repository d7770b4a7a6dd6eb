"""The Transformer, of torch's own layers, in the place of encoder and decoder."""

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from elman.nn.attention import beyond_lengths
from elman.tasks.translation.batches import TranslationInputs
from elman.tasks.translation.config import TranslationConfig
from elman.tasks.translation.decoders import Written
from elman.tasks.translation.model import TranslationModel

Lengths = Int[Tensor, " batch"]


class PrefixState(NamedTuple):
    """What a search carries from token to token.

    Args:
        sentence: which source of the batch each row translates.
        prefix: vectors of all tokens fed so far.
    """

    sentence: Int[Tensor, " batch"]
    prefix: Float[Tensor, "batch time hidden"]


class TransformerTranslation(TranslationModel):
    """An encoder and a decoder of attention and feed-forward layers.

    A step of a search reads the whole prefix again, which for sentences is fast enough.

    Args:
        config: the settings.
        source_size: tokens of the source's vocabulary.
        target_size: tokens of the target's vocabulary.

    Reference:
        Vaswani et al. 2017, "Attention is all you need"; normalisation before each part (Xiong et
        al. 2020). Differs: target vectors and output weights are shared on request only.
    """

    def __init__(self, config: TranslationConfig, source_size: int, target_size: int) -> None:
        size = config.hidden_size
        super().__init__(config, target_size, size, size)
        self.source_embedding = nn.Embedding(source_size, size)
        for embedding in (self.source_embedding, self.embedding):
            nn.init.normal_(embedding.weight, std=size**-0.5)
        sizes = (size, config.heads, 4 * size, config.dropout)
        self.encoder = nn.TransformerEncoder(
            nn.TransformerEncoderLayer(*sizes, norm_first=True),
            config.num_layers,
            nn.LayerNorm(size),
            enable_nested_tensor=False,
        )
        self.decoder = nn.TransformerDecoder(
            nn.TransformerDecoderLayer(*sizes, norm_first=True),
            config.num_layers,
            nn.LayerNorm(size),
        )
        for parameter in (*self.encoder.parameters(), *self.decoder.parameters()):
            if parameter.dim() > 1:  # torch makes all layers copies of one
                nn.init.xavier_uniform_(parameter)

    def write(self, inputs: TranslationInputs) -> Written:
        """Read sources and whole targets; see `TranslationModel.write`."""
        memory = self._read(inputs.source, inputs.source_lengths)
        beyond = beyond_lengths(len(memory), inputs.source_lengths)
        features = self._decode(self._vectors(self.embedding, inputs.fed), memory, beyond)
        return Written(features, features.new_empty(*features.shape[:2], 0))

    def start(
        self, source: Int[Tensor, "source batch"], lengths: Lengths
    ) -> tuple["TransformerTranslating", PrefixState]:
        """Read sources to translate them token by token; see `TranslationModel.start`."""
        memory = self._read(source, lengths)
        rows = torch.arange(len(lengths), device=lengths.device)
        prefix = memory.new_empty(len(lengths), 0, memory.shape[-1])
        return TransformerTranslating(self, memory, lengths), PrefixState(rows, prefix)

    def _read(self, source: Tensor, lengths: Lengths) -> Float[Tensor, "source batch hidden"]:
        vectors = self._vectors(self.source_embedding, source)
        beyond = beyond_lengths(len(source), lengths)
        memory: Tensor = self.encoder(vectors, src_key_padding_mask=beyond)
        return memory

    def _decode(
        self, vectors: Tensor, memory: Tensor, beyond: Tensor
    ) -> Float[Tensor, "time batch hidden"]:
        unseen = nn.Transformer.generate_square_subsequent_mask(
            len(vectors), device=vectors.device, dtype=torch.bool
        )
        features: Tensor = self.decoder(
            vectors, memory, tgt_mask=unseen, memory_key_padding_mask=beyond, tgt_is_causal=True
        )
        return features

    def _vectors(self, embedding: nn.Module, tokens: Tensor, first: int = 0) -> Tensor:
        """Return scaled token vectors with their positions added."""
        vectors = embedding(tokens)
        size = vectors.shape[-1]
        vectors = math.sqrt(size) * vectors
        vectors = vectors + positions(first, len(tokens), size).to(vectors).unsqueeze(1)
        return F.dropout(vectors, self.dropout, self.training)


class TransformerTranslating:
    """The step function of a Transformer that has read some sources.

    Args:
        model: the model.
        memory: what it has read.
        lengths: tokens of each source.
    """

    def __init__(self, model: TransformerTranslation, memory: Tensor, lengths: Lengths) -> None:
        self.model = model
        self.memory = memory
        self.beyond = beyond_lengths(len(memory), lengths)

    def __call__(
        self, tokens: Int[Tensor, " batch"], state: PrefixState
    ) -> tuple[Float[Tensor, "batch vocab"], PrefixState]:
        """Read one token of each row; see `StepFunction`.

        Args:
            tokens: the tokens.
            state: what was written before.

        Returns:
            Log-probabilities in nats and the new state.
        """
        model, rows = self.model, state.sentence
        place = state.prefix.shape[1]
        vector = model._vectors(model.embedding, tokens.unsqueeze(0), place)
        prefix = torch.cat([state.prefix, vector.transpose(0, 1)], dim=1)
        memory = self.memory.index_select(1, rows)
        features = model._decode(prefix.transpose(0, 1), memory, self.beyond[rows])
        return model.softmax.log_probs(features[-1]), PrefixState(rows, prefix)


def positions(first: int, count: int, size: int) -> Float[Tensor, "time size"]:
    r"""Return vectors of positions.

    $$ p_{t,2i} = \sin(t / 10000^{2i/d}), \quad p_{t,2i+1} = \cos(t / 10000^{2i/d}) $$

    Args:
        first: the first position.
        count: positions.
        size: numbers of a vector, even.

    Returns:
        One vector a position.

    Reference:
        Vaswani et al. 2017, section 3.5.
    """
    places = torch.arange(first, first + count).unsqueeze(1)
    angles = places * 10000.0 ** -(torch.arange(0, size, 2) / size)
    return torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(1)
