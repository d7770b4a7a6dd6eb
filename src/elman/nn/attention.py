"""Attention of a decoder to what an encoder has read."""

from typing import NamedTuple, Protocol

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

Memory = Float[Tensor, "source batch memory"]
Keys = Float[Tensor, "source batch keys"]
Queries = Float[Tensor, "*time batch query"]
Lengths = Int[Tensor, " batch"]


class Attended(NamedTuple):
    """What was seen.

    Args:
        context: the mean of the memory, weighted.
        weights: of each position, which sum to 1; zero beyond a row's length.
    """

    context: Float[Tensor, "*time batch memory"]
    weights: Float[Tensor, "*time batch source"]


class Attention(Protocol):
    """What weighs the positions of a memory by a query."""

    def prepare(self, memory: Memory) -> Keys:
        """Map the memory to what queries are compared with, once for all queries.

        Args:
            memory: what the encoder gave at each position.
        """

    def __call__(self, query: Queries, keys: Keys, memory: Memory, lengths: Lengths) -> Attended:
        """Attend with `[batch, query]`, or with `[time, batch, query]` at once.

        Args:
            query: one or several a row.
            keys: what `prepare` returned.
            memory: what the encoder gave.
            lengths: positions of each row.
        """


class AdditiveAttention(nn.Module):
    r"""Attention whose scores a small network with one hidden layer gives.

    $$ e_{ti} = v^\top \tanh(W q_t + U m_i + b) $$
    $$ \alpha_{ti} = \mathrm{softmax}_i(e_{ti}), \quad c_t = \sum_i \alpha_{ti} m_i $$

    Args:
        query_size: features of a query.
        memory_size: features of a position of the memory.
        hidden_size: units of the hidden layer.

    Reference:
        Bahdanau, Cho & Bengio 2014, "Neural machine translation by jointly learning to align and
        translate", section 3.1 and appendix A.1.2. Differs: the hidden layer has a bias.
    """

    def __init__(self, query_size: int, memory_size: int, hidden_size: int) -> None:
        super().__init__()
        self.query_map = nn.Linear(query_size, hidden_size, bias=False)
        self.memory_map = nn.Linear(memory_size, hidden_size)
        self.energy = nn.Linear(hidden_size, 1, bias=False)

    def prepare(self, memory: Memory) -> Keys:
        """Return $U m_i + b$; see `Attention`.

        Args:
            memory: what the encoder gave at each position.

        Returns:
            One vector a position.
        """
        return self.memory_map(memory)

    def forward(self, query: Queries, keys: Keys, memory: Memory, lengths: Lengths) -> Attended:
        """Attend; the hidden units of all queries and positions are held at once.

        Args:
            query: one or several a row.
            keys: what `prepare` returned.
            memory: what the encoder gave.
            lengths: positions of each row.

        Returns:
            Contexts and weights.
        """
        hidden = (self.query_map(query).unsqueeze(-3) + keys).tanh()  # [*time, source, batch, h]
        scores = self.energy(hidden).squeeze(-1).transpose(-1, -2)  # [*time, batch, source]
        return _attend(scores, memory, lengths)


class MultiplicativeAttention(nn.Module):
    r"""Attention whose scores are products of queries with the mapped memory.

    $$ e_{ti} = q_t^\top W m_i $$
    $$ \alpha_{ti} = \mathrm{softmax}_i(e_{ti}), \quad c_t = \sum_i \alpha_{ti} m_i $$

    Args:
        query_size: features of a query.
        memory_size: features of a position of the memory.

    Reference:
        Luong, Pham & Manning 2015, "Effective approaches to attention-based neural machine
        translation", equations 7 and 8, the score "general".
    """

    def __init__(self, query_size: int, memory_size: int) -> None:
        super().__init__()
        self.memory_map = nn.Linear(memory_size, query_size, bias=False)

    def prepare(self, memory: Memory) -> Keys:
        """Return $W m_i$; see `Attention`.

        Args:
            memory: what the encoder gave at each position.

        Returns:
            One vector a position.
        """
        return self.memory_map(memory)

    def forward(self, query: Queries, keys: Keys, memory: Memory, lengths: Lengths) -> Attended:
        """Attend; all queries in one product a row.

        Args:
            query: one or several a row.
            keys: what `prepare` returned.
            memory: what the encoder gave.
            lengths: positions of each row.

        Returns:
            Contexts and weights.
        """
        queries = query if query.dim() == 3 else query.unsqueeze(0)
        scores = torch.bmm(queries.transpose(0, 1), keys.permute(1, 2, 0))  # [batch, time, source]
        return _attend(scores.transpose(0, 1).view(*query.shape[:-1], -1), memory, lengths)


def _attend(
    scores: Float[Tensor, "*time batch source"], memory: Memory, lengths: Lengths
) -> Attended:
    """Turn scores into weights and the mean of the memory."""
    beyond = beyond_lengths(len(memory), lengths)
    # The least number, not minus infinity, so that a row without positions has no NaN.
    least = torch.finfo(scores.dtype).min
    weights = scores.masked_fill(beyond, least).softmax(dim=-1).masked_fill(beyond, 0.0)
    several = weights if weights.dim() == 3 else weights.unsqueeze(0)
    context = torch.bmm(several.transpose(0, 1), memory.transpose(0, 1))  # [batch, time, memory]
    return Attended(context.transpose(0, 1).reshape(*scores.shape[:-1], -1), weights)


def beyond_lengths(source: int, lengths: Lengths) -> Bool[Tensor, "batch source"]:
    """Return which positions are padding.

    Args:
        source: positions of the longest row.
        lengths: positions of each row.

    Returns:
        True beyond a row's length.
    """
    return torch.arange(source, device=lengths.device) >= lengths.unsqueeze(1)
