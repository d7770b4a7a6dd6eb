"""The settings of a translation."""

from dataclasses import dataclass
from typing import Annotated, Literal

from elman.config import Count, NonNegative, Range, Rate, check_ranges
from elman.data.tokenizer import UnitName
from elman.errors import ConfigError


@dataclass(frozen=True)
class TranslationConfig:
    """What a translation is made of; the command line's options of the same names.

    Raises:
        ConfigError: if a setting is out of its range or contradicts another.
    """

    model: Literal["rnn", "transformer", "phrase"] = "rnn"
    """recurrent networks, a Transformer, or phrases counted with statistical alignment"""
    unit: UnitName = "bpe"
    """what a token is on either side; pronunciations have source unit char, target unit word"""
    source_unit: UnitName | None = None
    """what a token of the source is, if not the unit"""
    target_unit: UnitName | None = None
    """what a token of the target is, if not the unit"""
    vocabulary_size: Count | None = None
    """words or pieces of either side; every word, and up to 8000 pieces, if not given"""
    cell: str = "lstm"
    """rnn: recurrent cell by name (`elman cells` lists them), or module:Class for your own"""
    hidden_size: Count = 256
    """hidden units of each layer and direction"""
    num_layers: Count = 1
    """layers of encoder and decoder"""
    bidirectional: bool = True
    """rnn: let the encoder read the source from both ends"""
    embedding_size: Count = 256
    """rnn: numbers in each token's vector"""
    attention: Literal["none", "additive", "multiplicative"] = "multiplicative"
    """rnn: how the decoder looks at the source; with none it has the encoder's last state only, and
    the source is read backward"""
    input_feeding: bool = False
    """multiplicative: tell the decoder where it looked; slower, for steps must follow each other"""
    heads: Count = 4
    """transformer: heads of attention"""
    tie: bool = False
    """use one matrix as target vectors and as output weights; they must have one size"""
    dropout: Rate = 0.2
    """share of units dropped between layers, and before and after them"""
    label_smoothing: Rate = 0.1
    """share of the probability that every token should have in training"""
    scheduled_sampling: Rate = 0.0
    """share of the decoder's inputs in training that are its own predictions; slower"""
    beam: Count = 5
    """beams of the search for a translation; 1 takes the most probable token each time"""
    length_normalisation: Literal["wu", "power"] = "wu"
    """rank by log-probability over ((5 + n) / 6)^alpha, or over n^alpha, for n tokens"""
    length_penalty: Annotated[float, Range(0, 5)] = 1.0
    """alpha: 0 favours short translations, 1 ranks by the mean of the tokens"""
    coverage_penalty: NonNegative = 0.0
    """weight of the penalty on what of the source got no attention"""

    def __post_init__(self) -> None:
        check_ranges(self)
        if self.model == "transformer" and self.hidden_size % (2 * self.heads):
            raise ConfigError(
                f"--hidden-size {self.hidden_size} must be a multiple of twice --heads "
                f"{self.heads}."
            )
        if self.input_feeding and self.attention != "multiplicative":
            raise ConfigError("--input-feeding goes with --attention multiplicative: leave it out.")
        if self.coverage_penalty and (self.model != "rnn" or self.attention == "none"):
            raise ConfigError("--coverage-penalty goes with --model rnn and its --attention.")
        if self.tie and self.model == "rnn" and self.embedding_size != self.hidden_size:
            raise ConfigError(
                f"--tie: target vectors have {self.embedding_size} numbers and the output reads "
                f"{self.hidden_size}: make --embedding-size and --hidden-size the same."
            )

    @property
    def units(self) -> tuple[UnitName, UnitName]:
        """The units of source and target."""
        return self.source_unit or self.unit, self.target_unit or self.unit

    @property
    def attends(self) -> bool:
        """Whether it is seen what of the source each token comes from."""
        return self.model == "phrase" or (self.model == "rnn" and self.attention != "none")

    @property
    def reads_backward(self) -> bool:
        """Whether sources are read from their ends, which brings first words together."""
        return self.model == "rnn" and self.attention == "none"

    @property
    def pronounces(self) -> bool:
        """Whether characters become words: pronunciations, which are right or wrong."""
        return self.units == ("char", "word")
