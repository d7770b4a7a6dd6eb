"""The settings of a network that fills gaps."""

from dataclasses import dataclass
from typing import Literal

from elman.config import Count, Rate, check_ranges
from elman.errors import ConfigError


@dataclass(frozen=True)
class FillingConfig:
    """What a network that fills gaps is made of; the command line's options of the same names.

    Raises:
        ConfigError: if a setting is out of its range or contradicts another.
    """

    sides: Literal["both", "left"] = "both"
    """what is seen around a gap; `left` alone makes it a language model of single sentences"""
    cell: str = "lstm"
    """recurrent cell by name (`elman cells` lists them), or module:Class for your own"""
    hidden_size: Count = 200
    """hidden units of each layer and direction"""
    num_layers: Count = 1
    """layers of each direction, one above the other"""
    embedding_size: Count = 200
    """numbers in each word's vector"""
    vectors: str | None = None
    """start of the word vectors: a word2vec or GloVe file, or `word2vec` to train them first"""
    vocabulary_size: Count | None = None
    """words to tell apart; every one of the text if not given"""
    tie: bool = False
    """share the word vectors with the output layer"""
    softmax: Literal["full", "adaptive"] = "full"
    """output layer: every word alike, or rare words in cheaper clusters"""
    dropout: Rate = 0.0
    """share of units dropped between layers and after the last"""
    input_dropout: Rate = 0.0
    """share of the word vectors' numbers dropped"""
    word_dropout: Rate = 0.0
    """share of the words around a gap taken for unknown in training"""

    def __post_init__(self) -> None:
        check_ranges(self)
        if self.tie and self.softmax == "adaptive":
            raise ConfigError("--tie needs --softmax full: adaptive clusters have their own sizes.")
