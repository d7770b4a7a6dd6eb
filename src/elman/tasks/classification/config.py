"""The settings of a classifier."""

from dataclasses import dataclass
from typing import Literal

from elman.config import Count, Rate, check_ranges
from elman.errors import ConfigError


@dataclass(frozen=True)
class ClassificationConfig:
    """What a classifier is made of; the command line's options of the same names.

    Raises:
        ConfigError: if a setting is out of its range or contradicts another.
    """

    text_column: str = "text"
    """the column of texts or sequences"""
    label_column: str = "label"
    """the column of labels"""
    unit: Literal["word", "char", "number"] = "word"
    """read words, characters, or sequences of numbers"""
    model: Literal["rnn", "mlp"] = "rnn"
    """recurrent network; or feed-forward, on bags of n-grams or on resampled sequences"""
    cell: str = "lstm"
    """rnn: recurrent cell by name (`elman cells` lists them), or module:Class for your own"""
    hidden_size: Count = 128
    """hidden units of each layer and direction"""
    num_layers: Count = 1
    """rnn: layers, one above the other"""
    bidirectional: bool = True
    """rnn: read each text from both ends"""
    pooling: Literal["last", "mean", "max", "attention"] = "last"
    """rnn: what is classified: the last outputs, or their mean, maximum or weighted mean"""
    embedding_size: Count = 100
    """rnn: numbers in the vector of each word or character"""
    vectors: str | None = None
    """rnn: start of the word vectors: a word2vec or GloVe file; random if not given"""
    subwords: bool = False
    """rnn, word: add to the vector of each word those of its parts of 3 to 5 characters"""
    vocabulary_size: Count | None = None
    """words, characters or n-grams to tell apart; every one of the training data if not given"""
    lowercase: bool = True
    """look words and characters up without regard to case"""
    max_length: Count = 2000
    """words, characters or steps that are read of a text; a longer one loses its middle"""
    dropout: Rate = 0.5
    """share of units dropped before, between and after the layers"""
    word_dropout: Rate = 0.05
    """share of the words, characters or n-grams taken for unknown in training"""
    members: Count = 1
    """networks that learn side by side, and whose probabilities are averaged"""
    class_weights: Literal["none", "balanced"] = "none"
    """balanced: mistakes in rare classes cost more, so that all classes weigh the same"""
    order: Count = 2
    """mlp, word and char: longest n-grams"""
    steps: Count = 16
    """mlp, number: steps that sequences are resampled to"""

    def __post_init__(self) -> None:
        check_ranges(self)
        if self.vectors is not None and (self.unit, self.model) != ("word", "rnn"):
            raise ConfigError("--vectors are of words: leave them out, or use --unit word and rnn.")
        if self.subwords and self.unit != "word":
            raise ConfigError("--subwords are of words: leave it out, or use --unit word.")
        if self.text_column == self.label_column:
            raise ConfigError(f"--text-column and --label-column are both {self.text_column!r}.")
