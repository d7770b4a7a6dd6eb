"""Networks that score the tags of each word."""

from typing import Any, Protocol

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from elman.cells import find_cell
from elman.nn import RNN
from elman.nn.crf import BestPaths, LinearChainCRF
from elman.nn.pooling import last_outputs
from elman.nn.viterbi import find_best_paths
from elman.nn.word_dropout import drop_words
from elman.tasks.tagging.config import TaggingConfig
from elman.tasks.tagging.vocabulary import FIRST, PADDING, UNKNOWN, Vocabulary

Words = Int[Tensor, "time batch columns"]
"""For each word its number and those of its characters; padding after the end of a sentence."""


class Context(Protocol):
    """What turns the words of sentences into features."""

    output_size: int

    def __call__(
        self, vectors: Tensor, lengths: Int[Tensor, " batch"]
    ) -> Float[Tensor, "time batch output"]:
        """Return features of each word from the vectors `[time, batch, input]` around it."""


class RecurrentContext(nn.Module):
    """Recurrent layers over the sentence.

    Args:
        config: the settings.
        input_size: numbers in a word's vector.
    """

    def __init__(self, config: TaggingConfig, input_size: int) -> None:
        super().__init__()
        self.rnn = RNN(
            find_cell(config.cell)(input_size, config.hidden_size),
            num_layers=config.num_layers,
            bidirectional=config.bidirectional,
            dropout=config.dropout,
        )
        self.output_size = self.rnn.output_size

    def forward(self, vectors: Tensor, lengths: Int[Tensor, " batch"]) -> Tensor:
        """Read the sentences; see `Context`."""
        outputs, _ = self.rnn(vectors, lengths=lengths)
        return outputs


class WindowContext(nn.Module):
    r"""A hidden layer over the words around each word.

    $$ h_t = \tanh(W [x_{t-n}; \dots; x_{t+n}] + b) $$

    Args:
        config: the settings.
        input_size: numbers in a word's vector.

    Reference:
        Collobert et al. 2011, "Natural language processing (almost) from scratch", section 3.3.1.
    """

    def __init__(self, config: TaggingConfig, input_size: int) -> None:
        super().__init__()
        self.window = config.window
        self.hidden_map = nn.Linear((2 * config.window + 1) * input_size, config.hidden_size)
        self.output_size = config.hidden_size

    def forward(self, vectors: Tensor, lengths: Int[Tensor, " batch"]) -> Tensor:
        """Look at the words around each; see `Context`."""
        padded = F.pad(vectors, (0, 0, 0, 0, self.window, self.window))
        windows = padded.unfold(0, 2 * self.window + 1, 1)  # [time, batch, input, window]
        return self.hidden_map(windows.transpose(2, 3).flatten(2)).tanh()


class Speller(nn.Module):
    """A bidirectional LSTM over the characters of each word; its two last outputs.

    Args:
        config: the settings.
        characters: how many there are, padding and the unknown one included.

    Reference:
        Lample et al. 2016, "Neural architectures for named entity recognition", section 4.1.
    """

    def __init__(self, config: TaggingConfig, characters: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(characters, config.character_size, padding_idx=PADDING)
        self.rnn = RNN("lstm", config.character_size, config.spelling_size, bidirectional=True)
        self.output_size = self.rnn.output_size

    def forward(self, spellings: Int[Tensor, "*batch characters"]) -> Float[Tensor, "*batch out"]:
        """Read words.

        Args:
            spellings: numbers of characters, padded at the end.

        Returns:
            A vector a word.
        """
        # Each distinct word is read once.
        distinct, places = spellings.flatten(0, -2).unique(dim=0, return_inverse=True)
        return self.read(distinct)[places].unflatten(0, spellings.shape[:-1])

    def read(self, words: Int[Tensor, "words characters"]) -> Float[Tensor, "words out"]:
        """Read words one by one.

        Args:
            words: numbers of characters, padded at the end.

        Returns:
            A vector a word; zero for one without characters.
        """
        lengths = (words != PADDING).sum(dim=1)
        outputs, _ = self.rnn(self.embedding(words.T), lengths=lengths)
        return last_outputs(outputs, lengths, bidirectional=True)


class TaggingNetwork(nn.Module):
    """Vectors of words and of their spelling, their context, and scores of tags.

    Args:
        config: the settings.
        vocabulary: what it knows.

    Reference:
        Huang, Xu & Yu 2015, "Bidirectional LSTM-CRF models for sequence tagging"; Lample et al.
        2016, sections 2 and 4.
    """

    def __init__(self, config: TaggingConfig, vocabulary: Vocabulary) -> None:
        super().__init__()
        size = config.embedding_size
        self.embedding = nn.Embedding(FIRST + len(vocabulary.words), size, padding_idx=PADDING)
        nn.init.uniform_(self.embedding.weight[FIRST:], -((3 / size) ** 0.5), (3 / size) ** 0.5)
        self.speller = None
        if config.model == "rnn" and config.spelling_size:
            self.speller = Speller(config, FIRST + len(vocabulary.characters))
            size += self.speller.output_size
        context = RecurrentContext if config.model == "rnn" else WindowContext
        self.context: Any = context(config, size)
        self.output_map = nn.Linear(self.context.output_size, len(vocabulary.tags))
        self.crf = None
        if config.output == "crf":
            self.crf = LinearChainCRF(len(vocabulary.tags), allowed=vocabulary.allowed())
        self.dropout = config.dropout
        self.word_dropout = config.word_dropout

    @property
    def reads_spelling(self) -> bool:
        """Whether the characters of words are wanted."""
        return self.speller is not None

    def initial_state(self, batch_size: int) -> tuple[()]:
        """Return nothing, for nothing is carried from batch to batch.

        Args:
            batch_size: sentences of the batch.
        """
        return ()

    def forward(
        self, inputs: Words, state: tuple[()] = ()
    ) -> tuple[Float[Tensor, "time batch tags"], tuple[()]]:
        """Score the tags of each word.

        Args:
            inputs: sentences; their lengths follow from the padding.
            state: nothing.

        Returns:
            Scores, and nothing.
        """
        words, lengths = inputs[..., 0], sentence_lengths(inputs)
        kept = drop_words(words, self.word_dropout, UNKNOWN, training=self.training)
        vectors = self.embedding(kept.where(words != PADDING, words))
        if self.speller is not None:
            vectors = torch.cat([vectors, self.speller(inputs[..., 1:])], dim=-1)
        return self.score(vectors, lengths), state

    def look_up(self, words: Int[Tensor, "words columns"]) -> Float[Tensor, "words vector"]:
        """Return the vectors of single words.

        Args:
            words: for each its number and those of its characters.

        Returns:
            What `score` takes; zero for padding.
        """
        vectors: Tensor = self.embedding(words[:, 0])
        if self.speller is None:
            return vectors
        return torch.cat([vectors, self.speller.read(words[:, 1:])], dim=-1)

    def score(
        self, vectors: Float[Tensor, "time batch vector"], lengths: Int[Tensor, " batch"]
    ) -> Float[Tensor, "time batch tags"]:
        """Score the tags of words from their vectors.

        Args:
            vectors: of the words of each sentence.
            lengths: words of each sentence.

        Returns:
            Scores.
        """
        features = self.context(F.dropout(vectors, self.dropout, self.training), lengths)
        scores: Tensor = self.output_map(F.dropout(features, self.dropout, self.training))
        return scores

    def criterion(
        self,
        features: Float[Tensor, "time batch tags"],
        targets: Int[Tensor, "time batch"],
        lengths: Int[Tensor, " batch"],
    ) -> Float[Tensor, ""]:
        """Return the negative log-likelihood of the tags, the mean over all words.

        Args:
            features: scores.
            targets: tags; anything after the end of a sentence.
            lengths: words of each sentence.

        Returns:
            Nats a word.
        """
        if self.crf is not None:
            return -self.crf.log_likelihood(features, targets, lengths).sum() / lengths.sum()
        steps = torch.arange(len(targets), device=targets.device).unsqueeze(1)
        ignored = targets.masked_fill(steps >= lengths, -100)
        return F.cross_entropy(features.flatten(0, 1), ignored.flatten())

    def best_paths(
        self,
        features: Float[Tensor, "time batch tags"],
        lengths: Int[Tensor, " batch"],
        count: int,
    ) -> BestPaths:
        """Find the most probable sequences of tags.

        Args:
            features: scores.
            lengths: words of each sentence.
            count: how many, at least 1.

        Returns:
            The sequences and their log-probabilities.
        """
        if self.crf is not None:
            return self.crf.best_paths(features, lengths, count)
        free = features.new_zeros(features.shape[2])
        between = free.expand(len(free), -1)
        log_probs = features.log_softmax(dim=-1)
        return BestPaths(*find_best_paths(free, between, free, log_probs, lengths, count))

    def probabilities(
        self,
        features: Float[Tensor, "time batch tags"],
        lengths: Int[Tensor, " batch"],
    ) -> Float[Tensor, "time batch tags"]:
        """Return the probability of each tag of each word, over all sequences of tags.

        Args:
            features: scores.
            lengths: words of each sentence.

        Returns:
            Probabilities.
        """
        if self.crf is None:
            return features.softmax(dim=-1)
        return self.crf.marginals(features, lengths)


def sentence_lengths(inputs: Words) -> Int[Tensor, " batch"]:
    """Return the words of each sentence.

    Args:
        inputs: sentences.

    Returns:
        Their lengths.
    """
    return (inputs[..., 0] != PADDING).sum(dim=0)
