"""The settings of a network that answers questions about stories."""

from dataclasses import dataclass
from typing import Literal

from elman.config import Count, Rate, check_ranges


@dataclass(frozen=True)
class AnsweringConfig:
    """What an answering network is made of; the command line's options of the same names.

    Raises:
        ConfigError: if a setting is out of its range.
    """

    model: Literal["attention", "rnn"] = "attention"
    """attention over the sentences of the story, or one pass over its words and the question's"""
    cell: str = "gru"
    """recurrent cell by name (`elman cells` lists them), or module:Class for your own"""
    hidden_size: Count = 32
    """hidden units of each layer (and direction, with attention)"""
    num_layers: Count = 1
    """layers, one above the other"""
    embedding_size: Count = 40
    """numbers in each word's vector; with attention also in a sentence's"""
    hops: Count = 3
    """attention: how often the story is looked at"""
    most_sentences: Count = 50
    """sentences of a story that are read, the last before the question"""
    dropout: Rate = 0.1
    """share of the units dropped"""
    gaps: Rate = 0.1
    """attention: share of the sentences before which time jumps by one more in training"""

    def __post_init__(self) -> None:
        check_ranges(self)
