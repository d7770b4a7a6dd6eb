"""The tokenizer: raw text to token ids and back, in characters, words or byte-level pieces."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal, TypeAlias, get_args

import numpy as np
import tokenizers
from jaxtyping import Int, Integer
from tokenizers import decoders, models

from elman.data.units import BPEUnit, CharUnit, DecodeStream, Unit, WordUnit
from elman.errors import CheckpointError, ConfigError
from elman.files import written_atomically

UnitName: TypeAlias = Literal["char", "word", "bpe"]

_UNITS: dict[UnitName, type[Unit]] = {"char": CharUnit, "word": WordUnit, "bpe": BPEUnit}


class Tokenizer:
    """Cuts text into tokens of one unit; made by `train` or `load`.

    - `char`: every distinct character and the newline, sorted; nothing is unknown.
    - `word`: white-space separated words, a line ends with `<eos>`, others are `<unk>`; ids are
      ordered by falling frequency.
    - `bpe`: byte-level byte-pair pieces, the newline a token of its own; nothing is unknown.

    Args:
        name: the unit's name.
        unit: the unit that does the work.
    """

    def __init__(self, name: UnitName, unit: Unit) -> None:
        self.unit = name
        self._unit = unit

    @staticmethod
    def train(
        lines: Iterable[str], unit: UnitName, vocabulary_size: int | None = None
    ) -> "Tokenizer":
        """Builds a vocabulary in one pass; memory grows with the vocabulary, not with the text.

        Args:
            lines: lines without their line ends.
            unit: what a token is.
            vocabulary_size: the exact number of tokens; None takes every character or word,
                and up to 8000 byte-level pieces.

        Returns:
            The tokenizer; the same lines give the same one.

        Raises:
            ConfigError: the unit is unknown, or the text does not allow the size.
        """
        if unit not in _UNITS:
            raise ConfigError(f"unit {unit!r}: choose from {', '.join(get_args(UnitName))}.")
        return Tokenizer(unit, _UNITS[unit].train(lines, vocabulary_size))

    @staticmethod
    def load(path: str | Path) -> "Tokenizer":
        """Restores a tokenizer from the file that `save` wrote.

        Args:
            path: usually `RUN/tokenizer.json`.

        Raises:
            CheckpointError: the file is missing, damaged, or no tokenizer of these units.
        """
        try:
            backend = tokenizers.Tokenizer.from_str(Path(path).read_text(encoding="utf-8"))
            name = _unit_of(backend)
            return Tokenizer(name, _UNITS[name].from_backend(backend))
        except FileNotFoundError:
            raise CheckpointError(f"{path}: no such file.") from None
        # The library raises bare Exception for whatever it cannot parse.
        except Exception as error:
            reason = " ".join(str(error).split())
            raise CheckpointError(f"{path}: not a usable tokenizer file: {reason}.") from None

    def save(self, path: str | Path) -> None:
        """Writes the tokenizer in the format of the `tokenizers` library.

        Args:
            path: the file; it is replaced only when the new one is complete.
        """
        with written_atomically(Path(path)) as file:
            file.write_text(self._unit.backend().to_str(pretty=True), encoding="utf-8")

    @property
    def vocabulary_size(self) -> int:
        """The number of tokens."""
        return len(self._unit.pieces)

    @property
    def boundary(self) -> int:
        """The id fed before a text: `<eos>`, or the newline."""
        return self._unit.boundary

    @property
    def unknown(self) -> int | None:
        """The id of words outside the vocabulary, None where nothing is unknown."""
        return self._unit.unknown

    def token(self, id: int) -> str:
        r"""Shows one token.

        Args:
            id: from 0 to `vocabulary_size` - 1.

        Returns:
            The word as it is, or the character or piece with unprintable parts escaped (`\n`).
        """
        return self._unit.pieces[self._checked([id])[0]]

    def encode(self, text: str, where: str | None = None) -> Int[np.ndarray, " time"]:
        r"""Encodes a text without adding a line end.

        Args:
            text: any text; a newline in it is a token (`<eos>` for words).
            where: the place of the text (file and line), for messages.

        Returns:
            The ids.

        Raises:
            DataError: a character is outside the vocabulary of the unit `char`.
        """
        return self._unit.encode(text, where)

    def encode_lines(
        self, lines: Sequence[str], where: str | None = None
    ) -> list[Int[np.ndarray, " _"]]:
        """Encodes lines, each with its line end.

        Args:
            lines: lines without their line ends.
            where: the place of the lines, for messages.

        Returns:
            The ids of each line, the last of them `boundary`.

        Raises:
            DataError: a character is outside the vocabulary of the unit `char`.
        """
        return self._unit.encode_lines(lines, where)

    def decode(self, ids: Iterable[int] | Integer[np.ndarray, " time"]) -> str:
        """Writes ids as text; the inverse of `encode` but for unknown words and white space.

        Args:
            ids: tokens; an array or a list.

        Returns:
            The text: words joined by single spaces, `<eos>` as a line end; characters and
            byte-level pieces exactly, with invalid UTF-8 replaced by U+FFFD.
        """
        stream = self.decode_stream()
        return "".join([stream.feed(id) for id in self._checked(ids)]) + stream.finish()

    def decode_stream(self) -> DecodeStream:
        """Starts decoding id by id; the parts together are what `decode` gives.

        Returns:
            A stream: `feed(id)` gives text to print now, `finish()` what was held back.
        """
        return self._unit.decode_stream()

    def _checked(self, ids: Iterable[int] | Integer[np.ndarray, " time"]) -> list[int]:
        checked = [int(id) for id in ids]
        if checked and not 0 <= min(checked) <= max(checked) < self.vocabulary_size:
            raise ValueError(
                f"Tokenizer expects ids from 0 to {self.vocabulary_size - 1}, "
                f"got {min(checked)} to {max(checked)}."
            )
        return checked


def _unit_of(backend: tokenizers.Tokenizer) -> UnitName:
    if isinstance(backend.model, models.BPE):
        return "bpe"
    if not isinstance(backend.model, models.WordLevel):
        raise ValueError("its model is neither BPE nor WordLevel")
    return "char" if isinstance(backend.decoder, decoders.Fuse) else "word"
