"""A network that finds a missing word from the words on both sides of it."""

from typing import Any, cast

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from elman.cells import Cell, find_cell
from elman.engine import unroll
from elman.nn import AdaptiveSoftmax, FullSoftmax
from elman.nn.word_dropout import drop_words
from elman.tasks.filling.batches import SentenceInputs
from elman.tasks.filling.config import FillingConfig


class Reader(nn.Module):
    """Recurrent layers that all read in one direction.

    Layers of two directions must not be joined before the last: the second layer would carry
    what one direction has read of a word to where the other is to find it.

    Args:
        config: the settings.
        reverse: read from the last word to the first.
    """

    def __init__(self, config: FillingConfig, *, reverse: bool) -> None:
        super().__init__()
        first = find_cell(config.cell)(config.embedding_size, config.hidden_size)
        others = [first.resized(first.output_size) for _ in range(config.num_layers - 1)]
        self.cells = nn.ModuleList([first, *others])
        self.reverse = reverse
        self.dropout = nn.Dropout(config.dropout)
        self.output_size: int = first.output_size

    def forward(
        self, vectors: Float[Tensor, "time batch embed"], lengths: Int[Tensor, " batch"]
    ) -> Float[Tensor, "time batch hidden"]:
        """Read sentences.

        Args:
            vectors: of their words.
            lengths: words of each.

        Returns:
            The last layer's outputs after each word.
        """
        for cell in cast("list[Cell[Any]]", self.cells):
            outputs, _ = unroll(cell, vectors, lengths=lengths, reverse=self.reverse)
            vectors = self.dropout(outputs)
        return vectors


class FillingModel(nn.Module):
    r"""A net that reads up to a gap, one that reads back to it, and a softmax over the words.

    For the gap at the word $w_t$ of a sentence between two boundaries,

    $$ \overrightarrow{h}_{t-1} = \mathrm{RNN}(w_0, \ldots, w_{t-1}), \quad
       \overleftarrow{h}_{t+1} = \mathrm{RNN}'(w_{n+1}, \ldots, w_{t+1}) $$
    $$ c_t = \tanh(W \overrightarrow{h}_{t-1} + V \overleftarrow{h}_{t+1} + b), \quad
       p(w_t \mid w_0 \ldots w_{t-1}, w_{t+1} \ldots w_{n+1}) = \mathrm{softmax}(U c_t + d) $$

    One pass of either net gives all gaps of a sentence, and neither has read the word it fills.

    Args:
        config: the settings.
        vocabulary_size: words to tell apart.
        unknown: the id of unknown words.
        vectors: start of the word vectors; random if not given.

    Raises:
        ConfigError: if the cell is unknown.

    Reference:
        Melamud, Goldberger & Dagan 2016, "context2vec: learning generic context embedding with
        bidirectional LSTM", section 2. Differs: one tanh layer joins the two sides, and a softmax
        over all words takes the place of negative sampling. Mousa & Schuller 2017, "Contextual
        bidirectional long short-term memory recurrent neural network language models", has the
        softmax.
    """

    def __init__(
        self,
        config: FillingConfig,
        vocabulary_size: int,
        unknown: int,
        vectors: Float[Tensor, "vocab embed"] | None = None,
    ) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocabulary_size, config.embedding_size)
        nn.init.normal_(self.embedding.weight, std=config.embedding_size**-0.5)
        if vectors is not None:
            self.embedding.weight.data.copy_(vectors)
        self.forward_net = Reader(config, reverse=False)
        self.backward_net = Reader(config, reverse=True) if config.sides == "both" else None
        sides = 1 if self.backward_net is None else 2
        width = config.embedding_size if config.tie else config.hidden_size
        self.join = nn.Linear(sides * self.forward_net.output_size, width)
        self.softmax: FullSoftmax | AdaptiveSoftmax
        if config.softmax == "adaptive":
            self.softmax = AdaptiveSoftmax(width, vocabulary_size)
        else:
            weight = cast(nn.Parameter, self.embedding.weight) if config.tie else None
            self.softmax = FullSoftmax(width, vocabulary_size, weight=weight)
        self.unknown = unknown
        self.input_dropout = config.input_dropout
        self.word_dropout = config.word_dropout

    def initial_state(self, batch_size: int) -> tuple[()]:
        """Return nothing, for nothing is carried from batch to batch.

        Args:
            batch_size: sentences of the batch.
        """
        return ()

    def forward(
        self, inputs: SentenceInputs, state: tuple[()] = ()
    ) -> tuple[Float[Tensor, "time batch width"], tuple[()]]:
        """Read what stands around every word.

        Args:
            inputs: the sentences.
            state: nothing.

        Returns:
            Features to find each word from, the same for whatever word stands there; and nothing.
        """
        ids, lengths = inputs
        ids = drop_words(ids, self.word_dropout, self.unknown, training=self.training)
        vectors = F.dropout(self.embedding(ids), self.input_dropout, self.training)
        # Step t of both is the gap at word t: what stood before it, and what comes after it.
        around = self.forward_net(vectors[:-2], lengths)
        if self.backward_net is not None:
            around = torch.cat([around, self.backward_net(vectors[2:], lengths)], dim=-1)
        return self.join(around).tanh(), state

    def criterion(
        self,
        features: Float[Tensor, "time batch width"],
        targets: Int[Tensor, "time batch"],
        lengths: Int[Tensor, " batch"],
    ) -> Float[Tensor, ""]:
        """Return the mean negative log-likelihood of the words.

        Args:
            features: what `forward` returned.
            targets: the words.
            lengths: words of each sentence.

        Returns:
            Nats a word.
        """
        return self.softmax.loss(features, targets, is_word(targets, lengths))


def is_word(
    targets: Int[Tensor, "time batch"], lengths: Int[Tensor, " batch"]
) -> Bool[Tensor, "time batch"]:
    """Tell words from what fills the steps after the end of a sentence.

    Args:
        targets: the words.
        lengths: words of each sentence.

    Returns:
        True where there is a word.
    """
    return torch.arange(len(targets), device=targets.device).unsqueeze(1) < lengths
