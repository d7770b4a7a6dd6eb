"""The settings of a recursive network over labelled trees."""

from dataclasses import dataclass
from typing import Literal

from elman.config import Count, Rate, check_ranges


@dataclass(frozen=True)
class TreeConfig:
    """What a recursive network is made of; the command line's options of the same names.

    Raises:
        ConfigError: if a setting is out of its range.
    """

    labels: Literal["five", "two"] = "five"
    """five grades of sentiment, or negative (0, 1) and positive (3, 4) without the neutral ones"""
    cell: str = "constituency-tree-lstm"
    """tree cell by name (`elman cells` lists them), or module:Class for your own"""
    hidden_size: Count = 150
    """units of each node"""
    embedding_size: Count = 100
    """numbers in each word's vector"""
    vectors: str | None = None
    """start of the word vectors: a word2vec or GloVe file; random if not given"""
    vocabulary_size: Count | None = None
    """words to tell apart; every one of the trees if not given"""
    lowercase: bool = False
    """take words without regard to case"""
    dropout: Rate = 0.0
    """share of a node's units dropped before it is classified"""
    input_dropout: Rate = 0.0
    """share of the word vectors' numbers dropped"""
    word_dropout: Rate = 0.0
    """share of the words taken for unknown, so that unknown ones have a meaning"""

    def __post_init__(self) -> None:
        check_ranges(self)
