"""The contract of the units: text to ids and back."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence

import numpy as np
import tokenizers
from jaxtyping import Int


class DecodeStream(ABC):
    """Turns ids into text one at a time, as they are generated."""

    @abstractmethod
    def feed(self, id: int) -> str:
        """Takes the next id.

        Args:
            id: a token of the vocabulary.

        Returns:
            The text that is now certain; it may be empty.
        """

    def finish(self) -> str:
        """Ends the stream.

        Returns:
            What was held back.
        """
        return ""


class Unit(ABC):
    """One way to cut text into tokens; ids count from 0.

    Attributes:
        pieces: the tokens in the order of their ids, as `token` shows them.
        boundary: the token at a line end, fed before a text.
        unknown: the token of everything outside the vocabulary; None if nothing is.
    """

    pieces: list[str]
    boundary: int
    unknown: int | None

    @classmethod
    @abstractmethod
    def train(cls, lines: Iterable[str], vocabulary_size: int | None) -> "Unit":
        """Builds the vocabulary from lines in one streaming pass.

        Args:
            lines: lines without their line ends.
            vocabulary_size: the exact number of tokens wanted, or None for the unit's default.

        Raises:
            ConfigError: the text does not offer that many tokens, or needs more.
        """

    @classmethod
    @abstractmethod
    def from_backend(cls, backend: tokenizers.Tokenizer) -> "Unit":
        """Restores the unit from what `backend` returned.

        Args:
            backend: a pipeline of the `tokenizers` library.

        Raises:
            ValueError: it is not one that this unit makes.
        """

    @abstractmethod
    def backend(self) -> tokenizers.Tokenizer:
        """Returns the same tokenisation as a pipeline of the `tokenizers` library."""

    @abstractmethod
    def encode(self, text: str, where: str | None) -> Int[np.ndarray, " time"]:
        """Encodes a text as it is; see `Tokenizer.encode`.

        Args:
            text: any text.
            where: the place of the text, for messages.
        """

    @abstractmethod
    def decode_stream(self) -> DecodeStream:
        """Returns a fresh decoder."""

    def encode_lines(self, lines: Sequence[str], where: str | None) -> list[Int[np.ndarray, " _"]]:
        """Encodes lines with their line ends; see `Tokenizer.encode_lines`.

        Args:
            lines: lines without their line ends.
            where: the place of the lines, for messages.
        """
        return [self.encode(line + "\n", where) for line in lines]


def ordered_vocabulary(backend: tokenizers.Tokenizer) -> list[str]:
    """Lists the tokens of a backend in the order of their ids.

    Args:
        backend: a pipeline of the `tokenizers` library.

    Returns:
        The tokens; place i holds the token of id i.

    Raises:
        ValueError: the ids are not 0, 1, 2, ...
    """
    vocabulary = sorted(backend.get_vocab().items(), key=lambda entry: entry[1])
    if [id for _, id in vocabulary] != list(range(len(vocabulary))):
        raise ValueError("its token ids are not 0, 1, 2, ...")
    return [piece for piece, _ in vocabulary]


def printable(text: str) -> str:
    r"""Escapes what a terminal would not show, such as line ends.

    Args:
        text: any text.

    Returns:
        The text with `\n`, `\u200b` and the like written out.
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)
