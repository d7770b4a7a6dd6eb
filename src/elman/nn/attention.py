"""Attention of a decoder to what an encoder has read."""

from abc import ABC, abstractmethod
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

Memory = Float[Tensor, "source batch memory"]
Keys = Float[Tensor, "source batch keys"]
Queries = Float[Tensor, "time batch query"]


class Attended(NamedTuple):
    """What was seen.

    Args:
        context: the mean of the memory, weighted.
        weights: of each position, which sum to 1; zero beyond a row's length.
    """

    context: Float[Tensor, "*rows memory"]
    weights: Float[Tensor, "*rows source"]


class Attention(nn.Module, ABC):
    r"""What weighs the positions of a memory by a query.

    $$ \alpha_{ti} = \mathrm{softmax}_i(e_{ti}), \quad c_t = \sum_i \alpha_{ti} m_i $$

    Args:
        memory_map: maps the memory to what queries are compared with.
    """

    def __init__(self, memory_map: nn.Linear) -> None:
        super().__init__()
        self.memory_map = memory_map

    def prepare(self, memory: Memory) -> Keys:
        """Map the memory to what queries are compared with, once for all queries.

        Args:
            memory: what the encoder gave at each position.

        Returns:
            One vector a position.
        """
        return self.memory_map(memory)

    @abstractmethod
    def scores(self, query: Queries, keys: Keys) -> Float[Tensor, "time batch source"]:
        """Return $e_{ti}$.

        Args:
            query: several a row.
            keys: what `prepare` returned.
        """

    def forward(
        self,
        query: Queries | Float[Tensor, "rows query"],
        keys: Keys,
        memory: Memory,
        lengths: Int[Tensor, " batch"],
    ) -> Attended:
        """Attend.

        Args:
            query: `[time, batch, query]`, or `[rows, query]`, as many rows standing together for
                each row of the memory.
            keys: what `prepare` returned.
            memory: what the encoder gave.
            lengths: positions of each row.

        Returns:
            Contexts and weights.
        """
        if query.dim() == 2:
            several = query.unflatten(0, (len(lengths), -1)).transpose(0, 1)
            seen = self(several, keys, memory, lengths)
            return Attended(*(part.transpose(0, 1).flatten(0, 1) for part in seen))
        scores = self.scores(query, keys)
        beyond = beyond_lengths(len(memory), lengths)
        # The least number, not minus infinity, so that a row without positions has no NaN.
        least = torch.finfo(scores.dtype).min
        weights = scores.masked_fill(beyond, least).softmax(dim=-1).masked_fill(beyond, 0.0)
        context = torch.bmm(weights.transpose(0, 1), memory.transpose(0, 1))
        return Attended(context.transpose(0, 1), weights)


class AdditiveAttention(Attention):
    r"""Attention whose scores a small network with one hidden layer gives.

    $$ e_{ti} = v^\top \tanh(W q_t + U m_i + b) $$

    The hidden units of all queries and positions are held at once.

    Args:
        query_size: features of a query.
        memory_size: features of a position of the memory.
        hidden_size: units of the hidden layer.

    Reference:
        Bahdanau, Cho & Bengio 2014, "Neural machine translation by jointly learning to align and
        translate", section 3.1 and appendix A.1.2. Differs: the hidden layer has a bias.
    """

    def __init__(self, query_size: int, memory_size: int, hidden_size: int) -> None:
        super().__init__(nn.Linear(memory_size, hidden_size))
        self.query_map = nn.Linear(query_size, hidden_size, bias=False)
        self.energy = nn.Linear(hidden_size, 1, bias=False)

    def scores(self, query: Queries, keys: Keys) -> Float[Tensor, "time batch source"]:
        """Return $e_{ti}$; see `Attention`."""
        hidden = (self.query_map(query).unsqueeze(1) + keys).tanh()  # [time, source, batch, hidden]
        return self.energy(hidden).squeeze(-1).transpose(1, 2)


class MultiplicativeAttention(Attention):
    r"""Attention whose scores are products of queries with the mapped memory.

    $$ e_{ti} = q_t^\top W m_i $$

    Args:
        query_size: features of a query.
        memory_size: features of a position of the memory.

    Reference:
        Luong, Pham & Manning 2015, "Effective approaches to attention-based neural machine
        translation", equations 7 and 8, the score "general".
    """

    def __init__(self, query_size: int, memory_size: int) -> None:
        super().__init__(nn.Linear(memory_size, query_size, bias=False))

    def scores(self, query: Queries, keys: Keys) -> Float[Tensor, "time batch source"]:
        """Return $e_{ti}$, those of a row in one product; see `Attention`."""
        return torch.bmm(query.transpose(0, 1), keys.permute(1, 2, 0)).transpose(0, 1)


def beyond_lengths(source: int, lengths: Int[Tensor, " batch"]) -> Bool[Tensor, "batch source"]:
    """Return which positions are padding.

    Args:
        source: positions of the longest row.
        lengths: positions of each row.

    Returns:
        True beyond a row's length.
    """
    return torch.arange(source, device=lengths.device) >= lengths.unsqueeze(1)
