"""The settings of a tagger."""

from dataclasses import dataclass
from typing import Annotated, Literal

from elman.config import Count, Natural, Range, Rate, check_ranges
from elman.errors import ConfigError


@dataclass(frozen=True)
class TaggingConfig:
    """What a tagger is made of; the command line's options of the same names.

    Raises:
        ConfigError: if a setting is out of its range.
    """

    column: str | None = None
    """the column of CoNLL-U files that holds the tags, such as upos; CoNLL files if not given"""
    model: Literal["rnn", "hmm", "mlp"] = "rnn"
    """recurrent network, hidden Markov model, or feed-forward window"""
    cell: str = "lstm"
    """recurrent cell by name (`elman cells` lists them), or module:Class for your own"""
    hidden_size: Count = 128
    """hidden units of each layer and direction"""
    num_layers: Count = 1
    """layers, one above the other"""
    bidirectional: bool = True
    """read each sentence from both ends"""
    embedding_size: Count = 100
    """numbers in each word's vector"""
    vectors: str | None = None
    """start of the word vectors: a word2vec or GloVe file; random if not given"""
    vocabulary_size: Count | None = None
    """words to tell apart; every one of the training data if not given"""
    lowercase: bool = True
    """look words up without regard to case, which the characters keep"""
    character_size: Count = 25
    """numbers in each character's vector"""
    spelling_size: Natural = 50
    """rnn: units of each direction of the layer that reads a word's characters; 0 for none"""
    output: Literal["crf", "softmax"] = "crf"
    """choose the tags of a sentence together, by a conditional random field, or each for itself"""
    dropout: Rate = 0.5
    """share of units dropped before and after the recurrent layers"""
    word_dropout: Rate = 0.05
    """share of the words taken for unknown in training"""
    window: Annotated[int, Range(0, 10)] = 2
    """mlp: words seen on either side"""

    hidden_states: Count | None = None
    """hmm: learn this many states from the words alone (Baum-Welch); tags are not looked at"""

    def __post_init__(self) -> None:
        check_ranges(self)
        if self.hidden_states is not None and self.model != "hmm":
            raise ConfigError("--hidden-states are those of a hidden Markov model: --model hmm.")
