"""From a text or sequence to one vector."""

from typing import Any, Protocol

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from elman.cells import find_cell
from elman.nn import RNN, AttentionPooling, LastPooling, MaxPooling, MeanPooling, Pooled
from elman.nn.word_dropout import drop_words
from elman.tasks.classification.batches import ClassifierInputs
from elman.tasks.classification.config import ClassificationConfig
from elman.tasks.classification.vocabulary import FIRST, PADDING, UNKNOWN, Vocabulary

PART_SPREAD = 0.5
"""Standard deviation of the numbers in the vectors of parts, of which a word takes the mean."""


class Encoder(Protocol):
    """What makes one vector of a text or sequence."""

    output_size: int

    def __call__(self, inputs: ClassifierInputs) -> Pooled:
        """Return vectors `[batch, output]`, and the share of each step where there is one."""


class RecurrentEncoder(nn.Module):
    """Recurrent layers over a text or sequence, and the pooling of their outputs.

    Args:
        config: the settings.
        vocabulary: what it knows.
    """

    def __init__(self, config: ClassificationConfig, vocabulary: Vocabulary) -> None:
        super().__init__()
        self.vectors: Any
        if config.unit == "number":
            self.vectors, size = Standardised(vocabulary.features), vocabulary.features
        else:
            self.vectors, size = Embedded(config, vocabulary), config.embedding_size
        self.rnn = RNN(
            find_cell(config.cell)(size, config.hidden_size),
            num_layers=config.num_layers,
            bidirectional=config.bidirectional,
            dropout=config.dropout,
        )
        self.output_size = self.rnn.output_size
        self.pooling = _pooling(config, self.output_size)

    def forward(self, inputs: ClassifierInputs) -> Pooled:
        """Read; see `Encoder`."""
        outputs, _ = self.rnn(self.vectors(inputs.steps), lengths=inputs.lengths)
        return self.pooling(outputs, inputs.lengths)


class BagEncoder(nn.Module):
    r"""A hidden layer over the bag of a text's n-grams.

    $$ h = \max\Big(0, \frac{1}{\sqrt n} \sum_{g \in \text{text}} w_g + b\Big) $$

    where $n$ is the number of known n-grams.

    Args:
        config: the settings.
        vocabulary: what it knows.

    Reference:
        Iyyer et al. 2015, "Deep unordered composition rivals syntactic methods for text
        classification", section 2.1.
        Differs: one hidden layer, over n-grams; the sum is divided by the root of their number,
        so that short and long texts have sums of like spread.
    """

    def __init__(self, config: ClassificationConfig, vocabulary: Vocabulary) -> None:
        super().__init__()
        self.output_size = config.hidden_size
        self.word_dropout = config.word_dropout
        self.dropout = config.dropout
        self.hidden_map = nn.Embedding(FIRST + len(vocabulary.tokens), config.hidden_size)
        nn.init.normal_(self.hidden_map.weight, std=config.hidden_size**-0.5)
        self.bias = nn.Parameter(torch.zeros(config.hidden_size))

    def forward(self, inputs: ClassifierInputs) -> Pooled:
        """Read; see `Encoder`."""
        tokens = drop_words(inputs.steps, self.word_dropout, UNKNOWN, training=self.training)
        known = (tokens >= FIRST).unsqueeze(-1)  # nothing is known of the others
        total = self.hidden_map(tokens).masked_fill(~known, 0.0).sum(dim=0)
        return Pooled((total / known.sum(dim=0).clamp_min(1).sqrt() + self.bias).relu(), None)


class ResampledEncoder(nn.Module):
    """A hidden layer over sequences that are all brought to the same number of steps.

    Args:
        config: the settings.
        vocabulary: what it knows.
    """

    def __init__(self, config: ClassificationConfig, vocabulary: Vocabulary) -> None:
        super().__init__()
        self.steps = config.steps
        self.standardised = Standardised(vocabulary.features)
        self.hidden_map = nn.Linear(config.steps * vocabulary.features, config.hidden_size)
        self.output_size = config.hidden_size

    def forward(self, inputs: ClassifierInputs) -> Pooled:
        """Read; see `Encoder`."""
        even = resample(self.standardised(inputs.steps), inputs.lengths, self.steps)
        return Pooled(self.hidden_map(even.transpose(0, 1).flatten(1)).relu(), None)


class Embedded(nn.Module):
    r"""Vectors of words or characters, to those of words the mean of their parts' vectors added.

    $$ v_w = e_w + \frac{1}{|G_w|} \sum_{g \in G_w} e_g $$

    Args:
        config: the settings.
        vocabulary: what it knows.

    Reference:
        Bojanowski et al. 2017, "Enriching word vectors with subword information", section 3.2.
        Differs: the mean in place of the sum, and parts that only one word has are left out.
    """

    def __init__(self, config: ClassificationConfig, vocabulary: Vocabulary) -> None:
        super().__init__()
        size = config.embedding_size
        self.embedding = nn.Embedding(FIRST + len(vocabulary.tokens), size, padding_idx=PADDING)
        nn.init.uniform_(self.embedding.weight[FIRST:], -((3 / size) ** 0.5), (3 / size) ** 0.5)
        self.parts = None
        if config.subwords:
            known = FIRST + len(vocabulary.parts)
            self.parts = nn.EmbeddingBag(known, size, mode="mean", padding_idx=PADDING)
            nn.init.normal_(self.parts.weight[FIRST:], std=PART_SPREAD)
        self.dropout = config.dropout
        self.word_dropout = config.word_dropout

    def forward(
        self, steps: Int[Tensor, "time batch *columns"]
    ) -> Float[Tensor, "time batch embed"]:
        """Look up.

        Args:
            steps: numbers of words or characters; of words and of their parts, if there are any.

        Returns:
            Vectors.
        """
        tokens = steps if self.parts is None else steps[..., 0]
        vectors = self.embedding(
            drop_words(tokens, self.word_dropout, UNKNOWN, training=self.training)
        )
        if self.parts is not None:
            vectors = vectors + self.parts(steps[..., 1:].flatten(0, 1)).view_as(vectors)
        return F.dropout(vectors, self.dropout, self.training)


class Standardised(nn.Module):
    """Numbers less their mean, divided by their standard deviation in the training data.

    Args:
        features: numbers of a step.
    """

    mean: Tensor
    spread: Tensor

    def __init__(self, features: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(features))
        self.register_buffer("spread", torch.ones(features))

    def fit(self, steps: Float[Tensor, "time features"]) -> None:
        """Take mean and deviation of some steps; what never changes keeps its unit.

        Args:
            steps: all of them.
        """
        spread = steps.std(dim=0, correction=0)
        self.mean.copy_(steps.mean(dim=0))
        self.spread.copy_(spread.where(spread > 0, torch.ones_like(spread)))

    def forward(self, steps: Float[Tensor, "*time features"]) -> Float[Tensor, "*time features"]:
        """Standardise.

        Args:
            steps: of one sequence or of several.

        Returns:
            The same with mean 0 and deviation 1, as the training data has them.
        """
        return (steps - self.mean) / self.spread


def resample(
    values: Float[Tensor, "time batch features"], lengths: Int[Tensor, " batch"], steps: int
) -> Float[Tensor, "steps batch features"]:
    """Bring sequences to one number of steps, linearly between their own.

    Args:
        values: the sequences.
        lengths: valid steps of each row, 0 to time.
        steps: how many are wanted; a single one is the first.

    Returns:
        Evenly spaced values from the first to the last step; zero for rows without steps.
    """
    shares = torch.linspace(0, 1, steps, dtype=values.dtype, device=values.device).unsqueeze(1)
    places = shares * (lengths - 1).clamp_min(0)  # [steps, batch]
    before = places.long()
    after = (before + 1).minimum((lengths - 1).clamp_min(0))
    first, second = (
        values.gather(0, place.unsqueeze(-1).expand(-1, -1, values.shape[2]))
        for place in (before, after)
    )
    mixed = torch.lerp(first, second, (places - before).unsqueeze(-1))
    return mixed.masked_fill((lengths == 0).unsqueeze(1), 0.0)


def build_encoder(config: ClassificationConfig, vocabulary: Vocabulary) -> Any:
    """Build the encoder that the settings name.

    Args:
        config: the settings.
        vocabulary: what it knows.

    Returns:
        An `Encoder`.
    """
    if config.model == "rnn":
        return RecurrentEncoder(config, vocabulary)
    if config.unit == "number":
        return ResampledEncoder(config, vocabulary)
    return BagEncoder(config, vocabulary)


def _pooling(config: ClassificationConfig, size: int) -> Any:
    if config.pooling == "attention":
        return AttentionPooling(size)
    if config.pooling == "last":
        return LastPooling(bidirectional=config.bidirectional)
    return MeanPooling() if config.pooling == "mean" else MaxPooling()
