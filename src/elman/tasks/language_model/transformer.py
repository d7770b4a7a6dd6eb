"""The Transformer language model, with a memory of keys and values as its state."""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from elman.tasks.language_model.config import LanguageModelConfig


class Memory(NamedTuple):
    """Keys and values of the tokens a layer still sees, before rotation, oldest first."""

    keys: Float[Tensor, "batch heads past size"]
    values: Float[Tensor, "batch heads past size"]


class TransformerNetwork(nn.Module):
    """A decoder of attention and feed-forward layers that sees a sliding window of the past.

    Args:
        config: the settings; each position sees `memory` tokens before it.
        vocabulary_size: tokens of the tokeniser.

    Reference:
        Vaswani et al. 2017, "Attention is all you need"; normalisation before each part
        (Xiong et al. 2020), rotary positions (Su et al. 2021), and keys and values carried from
        segment to segment (Dai et al. 2019, "Transformer-XL").
    """

    def __init__(self, config: LanguageModelConfig, vocabulary_size: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocabulary_size, config.hidden_size)
        nn.init.normal_(self.embedding.weight, std=0.02)
        self.layers = nn.ModuleList(TransformerLayer(config) for _ in range(config.num_layers))
        self.norm = nn.LayerNorm(config.hidden_size)
        self.input_dropout = config.input_dropout
        self.dropout = nn.Dropout(config.dropout)
        self.memory = config.memory
        self.output_size = config.hidden_size

    def initial_state(self, batch_size: int) -> tuple[Memory, ...]:
        """Return empty memories; see `Network.initial_state`."""
        return tuple(layer.empty_memory(batch_size) for layer in self.layers)  # type: ignore[operator]

    def forward(
        self, tokens: Int[Tensor, "time batch"], state: tuple[Memory, ...]
    ) -> tuple[Float[Tensor, "time batch output"], tuple[Memory, ...]]:
        """Read tokens; see `Network`."""
        time, past = len(tokens), state[0].keys.shape[2]
        # Query t stands at key past + t, and sees itself and `memory` keys before it.
        distance = (torch.arange(time).unsqueeze(1) + past) - torch.arange(past + time)
        visible = ((distance >= 0) & (distance <= self.memory)).to(tokens.device)
        vectors = F.dropout(self.embedding(tokens), self.input_dropout, self.training)
        hidden = vectors.transpose(0, 1)  # [batch, time, hidden]
        memories = []
        for layer, memory in zip(self.layers, state, strict=True):
            hidden, grown = layer(hidden, memory, visible)
            memories.append(Memory(*(part[:, :, -self.memory :] for part in grown)))
        return self.dropout(self.norm(hidden)).transpose(0, 1), tuple(memories)

    def step(
        self, tokens: Int[Tensor, " batch"], state: tuple[Memory, ...]
    ) -> tuple[Float[Tensor, "batch output"], tuple[Memory, ...]]:
        """Read one token of each row; see `Network`."""
        features, state = self(tokens.unsqueeze(0), state)
        return features[0], state

    def token_rows(self) -> None:
        """Return none; see `Network`."""


class TransformerLayer(nn.Module):
    """Self-attention over memory and present, then a feed-forward part four times as wide.

    Args:
        config: the settings.
    """

    def __init__(self, config: LanguageModelConfig) -> None:
        super().__init__()
        width = config.hidden_size
        self.heads = config.heads
        self.attention_norm = nn.LayerNorm(width)
        self.attention_map = nn.Linear(width, 3 * width)  # rows: queries, keys, values
        self.attention_output = nn.Linear(width, width)
        self.feed_forward_norm = nn.LayerNorm(width)
        self.feed_forward = nn.Sequential(
            nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width)
        )
        self.dropout = nn.Dropout(config.dropout)

    def empty_memory(self, batch_size: int) -> Memory:
        """Return a memory of no tokens; see `Network.initial_state`."""
        weight = self.attention_output.weight
        empty = weight.new_zeros(batch_size, self.heads, 0, weight.shape[0] // self.heads)
        return Memory(empty, empty)

    def forward(
        self,
        hidden: Float[Tensor, "batch time hidden"],
        memory: Memory,
        visible: Bool[Tensor, "time keys"],
    ) -> tuple[Float[Tensor, "batch time hidden"], Memory]:
        """Transform the present and remember it.

        Args:
            hidden: the layer's input.
            memory: keys and values of past tokens.
            visible: which keys, memory first, each position may see.

        Returns:
            The layer's output and the memory with the present added.
        """
        mapped = self.attention_map(self.attention_norm(hidden))
        queries, keys, values = mapped.unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        memory = Memory(
            torch.cat([memory.keys, keys], dim=2), torch.cat([memory.values, values], dim=2)
        )
        past = memory.keys.shape[2] - queries.shape[2]
        attended = F.scaled_dot_product_attention(
            rotate(queries, past), rotate(memory.keys, 0), memory.values, attn_mask=visible
        )
        attended = attended.transpose(1, 2).flatten(2)  # [batch, time, hidden]
        hidden = hidden + self.dropout(self.attention_output(attended))
        return hidden + self.dropout(self.feed_forward(self.feed_forward_norm(hidden))), memory


def rotate(
    vectors: Float[Tensor, "batch heads time size"], first: int
) -> Float[Tensor, "batch heads time size"]:
    """Turn pairs of features by angles that grow with the position.

    Args:
        vectors: queries or keys.
        first: position of the first of them.

    Returns:
        The turned vectors; products of two depend on their distance alone.

    Reference:
        Su et al. 2021, "RoFormer", equation 34.
    """
    half = vectors.shape[-1] // 2
    positions = torch.arange(vectors.shape[2], device=vectors.device) + first
    rates = 10000.0 ** -(torch.arange(half, device=vectors.device) / half)
    angles = (positions.unsqueeze(1) * rates).to(vectors.dtype)  # [time, size / 2]
    left, right = vectors.chunk(2, dim=-1)
    cosine, sine = angles.cos(), angles.sin()
    return torch.cat([left * cosine - right * sine, left * sine + right * cosine], dim=-1)
