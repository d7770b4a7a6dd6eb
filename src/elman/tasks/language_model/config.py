"""The settings of a language model."""

from dataclasses import dataclass
from typing import Annotated, Literal

from elman.config import Count, Positive, Range, Rate, check_ranges
from elman.errors import ConfigError


@dataclass(frozen=True)
class LanguageModelConfig:
    """What a language model is made of; the command line's options of the same names.

    Raises:
        ConfigError: if a setting is out of its range or contradicts another.
    """

    unit: Literal["char", "word", "bpe"] = "char"
    """what a token is: a character, a word between spaces, or a byte-pair piece"""
    vocabulary_size: Count | None = None
    """tokens to tell apart; every one of the text if not given (bpe: up to 8000)"""
    model: Literal["rnn", "ngram", "mlp", "transformer"] = "rnn"
    """recurrent network, Kneser-Ney n-gram, feed-forward window, or Transformer"""
    cell: str = "lstm"
    """recurrent cell by name (`elman cells` lists them), or module:Class for your own"""
    forget_bias: float | None = None
    """where the bias of forget gates starts; the cell's own choice if not given"""
    hidden_size: Count = 256
    """hidden units of each layer"""
    num_layers: Count = 1
    """layers, one above the other"""
    bidirectional: bool = False
    """refused: a language model that reads backward would see its answer"""
    input: Literal["learned", "one-hot"] = "learned"
    """how a token enters: a learned vector, or a one at its place among zeros"""
    embedding_size: Count = 128
    """numbers in each token's learned vector"""
    vectors: str | None = None
    """start of the learned vectors: a word2vec or GloVe file, or `word2vec` to train them first"""
    tie: bool = False
    """share the learned vectors with the output layer"""
    softmax: Literal["full", "adaptive"] = "full"
    """output layer: every token alike, or rare tokens in cheaper clusters"""
    dropout: Rate = 0.0
    """share of units dropped between layers and after the last"""
    input_dropout: Rate = 0.0
    """share of the token vectors' numbers dropped"""
    variational: bool = False
    """draw dropout once a sequence, the same for every time step"""
    zoneout: Rate = 0.0
    """share of state units that keep their value for a step"""
    layer_norm: bool = False
    """normalise the outputs of each layer"""
    residual: bool = False
    """add each layer's input to its output (needs embedding size = hidden size)"""
    initial_range: Positive | None = None
    """draw all weights uniformly from plus to minus this; each layer's own start if not given"""
    checkpoint_every: Count | None = None
    """rnn: steps of a chunk that is run again in training, for less memory; none if not given"""
    order: Annotated[int, Range(1, 10)] = 5
    """n-gram and mlp: tokens in the window, the predicted one included"""
    heads: Count = 4
    """transformer: attention heads"""
    memory: Count = 128
    """transformer: past tokens each position sees"""

    def __post_init__(self) -> None:
        check_ranges(self)
        if self.bidirectional:
            raise ConfigError(
                "--bidirectional: a language model that reads backward would see its answer; "
                "leave it out (for filling gaps from both sides there is `elman train fill`)."
            )
        if self.tie and self.input == "one-hot":
            raise ConfigError("--tie shares learned vectors; it cannot go with --input one-hot.")
        if self.tie and self.softmax == "adaptive":
            raise ConfigError("--tie needs --softmax full: adaptive clusters have their own sizes.")
        if self.vectors and self.input == "one-hot":
            raise ConfigError("--vectors fills learned vectors; leave out --input one-hot.")
        if self.vectors and self.unit != "word":
            raise ConfigError("--vectors holds vectors of words; it needs --unit word.")
        if self.residual and self.input_size(0) != self.hidden_size and self.input == "learned":
            raise ConfigError(
                f"--residual adds inputs to outputs: --embedding-size {self.embedding_size} must "
                f"equal --hidden-size {self.hidden_size}."
            )
        if self.vectors and self.model == "transformer" and self.embedding_size != self.hidden_size:
            raise ConfigError(
                f"--vectors go into a transformer as they are: --embedding-size "
                f"{self.embedding_size} must equal --hidden-size {self.hidden_size}."
            )
        if self.model == "transformer" and self.hidden_size % (2 * self.heads):
            raise ConfigError(
                f"--hidden-size {self.hidden_size} must be a multiple of twice "
                f"--heads {self.heads}."
            )
        if self.model == "mlp" and self.order < 2:
            raise ConfigError("--order must be at least 2 for --model mlp: one token to see.")

    def input_size(self, vocabulary_size: int) -> int:
        """Return the features of each input vector.

        Args:
            vocabulary_size: tokens of the tokeniser.

        Returns:
            The embedding size, or the vocabulary size for one-hot inputs.
        """
        return self.embedding_size if self.input == "learned" else vocabulary_size
