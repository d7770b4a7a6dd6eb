"""One side of a translation: raw text to numbers and back."""

import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Self

import numpy as np
from jaxtyping import Int

from elman.data import Tokenizer
from elman.data.joined_words import join_marks, split_marks
from elman.data.tokenizer import UnitName

Ids = Int[np.ndarray, " time"]
END = "<eos>"
"""How the end is shown."""


class Side:
    """The units of one language; words are cut from their marks, and joined again.

    Args:
        tokenizer: the units.
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        self.tokenizer = tokenizer
        self.unit = tokenizer.unit
        self.size = tokenizer.vocabulary_size
        self.end = tokenizer.boundary
        self.unknown = tokenizer.unknown
        self._characters: set[str] = set()
        if self.unit == "char":
            self._characters = {tokenizer.decode([id]) for id in range(self.size)}

    @classmethod
    def gather(cls, lines: Iterable[str], unit: UnitName, size: int | None) -> Self:
        """Learn the units of a language.

        Args:
            lines: its side of the training data.
            unit: what a token is.
            size: words or pieces to tell apart; has no effect on characters.

        Returns:
            The side.

        Raises:
            ConfigError: if the data does not offer that many.
        """
        written = (" ".join(split_marks(line)) for line in lines) if unit == "word" else lines
        return cls(Tokenizer.train(written, unit, None if unit == "char" else size))

    @classmethod
    def load(cls, file: Path) -> Self:
        """Read what `save` wrote.

        Args:
            file: the file.

        Returns:
            The side.

        Raises:
            CheckpointError: if it is missing or damaged.
        """
        return cls(Tokenizer.load(file))

    def save(self, file: Path) -> None:
        """Write the units.

        Args:
            file: the file.
        """
        self.tokenizer.save(file)

    def encode(self, texts: Sequence[str]) -> list[Ids]:
        """Turn lines into numbers, each with its end.

        Args:
            texts: raw lines. A character that is not among the units is read in the other case
                if that is, else left out.

        Returns:
            The ids of each, the last of them `end`.

        Warns:
            UserWarning: if characters were left out.
        """
        if self.unit == "word":
            texts = [" ".join(split_marks(text)) for text in texts]
        elif self.unit == "char":
            texts = self._known(texts)
        return self.tokenizer.encode_lines(texts)

    def words(self, text: str) -> list[str] | None:
        """Return the words of a raw line, each of which becomes one token.

        Args:
            text: the line.

        Returns:
            Words and marks as they are written; None if tokens are no words.
        """
        return split_marks(text) if self.unit == "word" else None

    def decode(self, ids: Iterable[int], words: Sequence[str]) -> str:
        """Turn numbers back into a raw line; the inverse of `encode`.

        Args:
            ids: tokens, with or without `end`.
            words: what to write for each of them before the end, if tokens are words.

        Returns:
            The line.
        """
        if self.unit == "word":
            return join_marks(list(words))
        return self.tokenizer.decode([id for id in ids if id != self.end])

    def pieces(self, ids: Iterable[int]) -> list[str]:
        """Show tokens one by one.

        Args:
            ids: tokens.

        Returns:
            One text each; `END` for the end.
        """
        return [END if id == self.end else self.tokenizer.token(id) for id in ids]

    def count_unknown(self, texts: Sequence[str]) -> int:
        """Count the lines that these units cannot write.

        Args:
            texts: raw lines.

        Returns:
            How many have a word or a character that was never seen.
        """
        if self.unit == "char":
            return sum(not self._characters.issuperset(text) for text in texts)
        return sum(bool((ids == self.unknown).any()) for ids in self.encode(texts))

    def _known(self, texts: Sequence[str]) -> list[str]:
        left_out: set[str] = set()
        found = []
        for text in texts:
            if not self._characters.issuperset(text):
                read = {c: self._read_as(c) for c in set(text)}
                left_out.update(c for c, known in read.items() if not known)
                text = "".join(read[c] for c in text)
            found.append(text)
        if left_out:
            warnings.warn(
                f"left out, for the training data does not have them: {' '.join(sorted(left_out))}",
                stacklevel=4,
            )
        return found

    def _read_as(self, character: str) -> str:
        """Return a character, or itself in the other case, or nothing."""
        both = (character, character.swapcase())
        return next((known for known in both if known in self._characters), "")
