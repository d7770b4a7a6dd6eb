"""Attention over the sentences of a story, several times."""

from itertools import pairwise

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from elman.cells import find_cell
from elman.nn import RNN
from elman.tasks.answering.batches import Asked
from elman.tasks.answering.config import AnsweringConfig
from elman.tasks.answering.network import AnsweringNetwork
from elman.tasks.answering.vocabulary import FIRST, PADDING, Vocabulary

INITIAL_SPREAD = 0.1
"""Standard deviation of the vectors of words and times at the start."""


class AttentionNetwork(AnsweringNetwork):
    r"""Looks at the story several times, each time with what it found before.

    A sentence's vector is a sum of its words' vectors, weighted by their places, and says when it
    was told. A bidirectional recurrent network reads these vectors as a sequence, and what it has
    understood at each sentence is added to them:

    $$ x_i = \sum_j l_j \circ E^0 w_{ij}, \quad h_i = [\overrightarrow{h}_i; \overleftarrow{h}_i] $$
    $$ \overrightarrow{h}_i = \mathrm{cell}(x_i, \overrightarrow{h}_{i-1}), \quad
       \overleftarrow{h}_i = \mathrm{cell}(x_i, \overleftarrow{h}_{i+1}) $$
    $$ m^k_i = \sum_j l_j \circ E^k w_{ij} + T^k_{n - i} + P^k h_i $$
    $$ u^0 = \sum_j l_j \circ E^0 q_j, \quad p^k_i = \mathrm{softmax}_i(u^k \cdot m^k_i), \quad
       u^{k+1} = u^k + \sum_i p^k_i m^{k+1}_i $$
    $$ P(a) = \mathrm{softmax}(W \max(0, V [u^K; u^0] + c) + b) $$

    Each hop k reads with its own words, times and map; what it takes out is what the next one
    compares with. The maps $P^k$ start at zero.

    Args:
        config: the settings.
        vocabulary: what it knows.

    Reference:
        Sukhbaatar et al. 2015, "End-to-end memory networks", sections 2.2, 4.1 and 4.2, adjacent
        weights; the recurrent network over the sentences is the input fusion layer of Xiong,
        Merity & Socher 2016, "Dynamic memory networks for visual and textual question answering",
        section 3.1. Differs: no linear start; instead of empty memories, times that jump; a hidden
        layer before the answer, which also sees the question.
    """

    def __init__(self, config: AnsweringConfig, vocabulary: Vocabulary) -> None:
        super().__init__()
        words, size = FIRST + len(vocabulary.words), config.embedding_size
        sets = config.hops + 1
        # The vectors of all hops side by side: they are looked up at once.
        self.embedding = nn.Embedding(words, sets * size, padding_idx=PADDING)
        nn.init.zeros_(self.embedding.weight)  # unknown words say nothing: they are never learnt
        nn.init.normal_(self.embedding.weight[FIRST:], std=INITIAL_SPREAD)
        self.times = nn.Parameter(torch.randn(config.most_sentences, sets * size) * INITIAL_SPREAD)
        self.story_rnn = RNN(
            find_cell(config.cell)(size, config.hidden_size),
            num_layers=config.num_layers,
            bidirectional=True,
            dropout=config.dropout,
        )
        self.story_map = nn.Linear(self.story_rnn.output_size, sets * size, bias=False)
        nn.init.zeros_(self.story_map.weight)
        self.hidden_map = nn.Linear(2 * size, 2 * size)
        self.output_map = nn.Linear(2 * size, len(vocabulary.answers))
        self.hops = config.hops
        self.dropout = config.dropout
        self.gaps = config.gaps

    def answer(
        self, asked: Asked
    ) -> tuple[Float[Tensor, "batch answers"], Float[Tensor, "hops sentences batch"]]:
        """Answer questions; see `AnsweringNetwork.answer`."""
        mask = asked.mask
        memories = self._remember(asked.sentences, mask).chunk(self.hops + 1, dim=-1)
        question = self._weighted_sum(asked.questions.T).chunk(self.hops + 1, dim=-1)[0]
        found = question
        shares = []
        for here, taken in pairwise(memories):
            scores = (found * here).sum(dim=-1).masked_fill(~mask, -torch.inf)
            shares.append(scores.softmax(dim=0))  # [sentences, batch]
            found = found + (shares[-1].unsqueeze(-1) * taken).sum(dim=0)
        both = F.dropout(torch.cat([found, question], dim=-1), self.dropout, self.training)
        hidden = F.dropout(self.hidden_map(both).relu(), self.dropout, self.training)
        return self.output_map(hidden), torch.stack(shares)

    def _remember(
        self, sentences: Int[Tensor, "sentences batch words"], mask: Bool[Tensor, "sentences batch"]
    ) -> Float[Tensor, "sentences batch sets"]:
        """Return the vectors of sentences, for all hops side by side."""
        vectors = self._weighted_sum(sentences)
        read = vectors.chunk(self.hops + 1, dim=-1)[0]
        outputs, _ = self.story_rnn(
            F.dropout(read, self.dropout, self.training), lengths=mask.sum(dim=0)
        )
        understood = self.story_map(F.dropout(outputs, self.dropout, self.training))
        return vectors + self.times[self._ages(mask)] + understood

    def _ages(self, mask: Bool[Tensor, "sentences batch"]) -> Int[Tensor, "sentences batch"]:
        """Return how many sentences ago each was told; in training, some more."""
        steps = mask.long()
        if self.training and self.gaps:
            steps = steps + (torch.rand(mask.shape, device=mask.device) < self.gaps) * mask
        since = steps.flip(0).cumsum(0).flip(0) - 1
        return since.clamp(0, len(self.times) - 1)

    def _weighted_sum(self, words: Int[Tensor, "*batch words"]) -> Float[Tensor, "*batch sets"]:
        r"""Add up the vectors of words, weighted by place.

        $$ l_{jd} = (1 - j / J) - (d / D)(1 - 2 j / J) $$
        """
        vectors, known = self.embedding(words), words != PADDING
        place = torch.arange(1, words.shape[-1] + 1, device=words.device).to(vectors)
        share = place / known.sum(dim=-1, keepdim=True).clamp_min(1)  # j / J
        parts = torch.stack([1 - share, 2 * share - 1], dim=-2) * known.unsqueeze(-2)
        constant, rising = (parts @ vectors).unbind(dim=-2)
        size = constant.shape[-1] // (self.hops + 1)
        dimension = torch.arange(1, size + 1, device=words.device).to(vectors) / size  # d / D
        return constant + rising * dimension.repeat(self.hops + 1)
