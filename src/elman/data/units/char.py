"""Characters as tokens: the text is one stream, line ends included."""

from collections.abc import Iterable, Sequence

import numpy as np
import tokenizers
from jaxtyping import Int, UInt
from tokenizers import Regex, decoders, models, pre_tokenizers

from elman.data.units.unit import DecodeStream, Unit, ordered_vocabulary, printable
from elman.errors import ConfigError, DataError

_NAMED_CHARACTERS = 10


class CharUnit(Unit):
    """One token a character, ids in the order of the code points, nothing unknown.

    Args:
        characters: the vocabulary in the order of the ids; the newline is one of them.
    """

    def __init__(self, characters: list[str]) -> None:
        self._characters = characters
        self.pieces = [printable(character) for character in characters]
        self.boundary = characters.index("\n")
        self.unknown = None
        code_points = np.array([ord(character) for character in characters])
        # One place more than the largest code point stands for everything beyond it.
        self._ids = np.full(int(code_points.max()) + 2, -1, dtype=np.int64)
        self._ids[code_points] = np.arange(len(characters))

    @classmethod
    def train(cls, lines: Iterable[str], vocabulary_size: int | None) -> "CharUnit":
        """See `Unit.train`."""
        characters = {"\n"}
        for line in lines:
            characters.update(line)
        if vocabulary_size not in (None, len(characters)):
            raise ConfigError(
                f"vocabulary_size {vocabulary_size}: the text has {len(characters)} distinct "
                "characters, and the unit char has a token for each: leave the size out."
            )
        return cls(sorted(characters))

    @classmethod
    def from_backend(cls, backend: tokenizers.Tokenizer) -> "CharUnit":
        """See `Unit.from_backend`."""
        characters = ordered_vocabulary(backend)
        if "\n" not in characters or any(len(character) != 1 for character in characters):
            raise ValueError("its tokens are not characters with the newline among them")
        return cls(characters)

    def backend(self) -> tokenizers.Tokenizer:
        """See `Unit.backend`."""
        vocabulary = {character: id for id, character in enumerate(self._characters)}
        backend = tokenizers.Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
        backend.pre_tokenizer = pre_tokenizers.Split(Regex(r"[\s\S]"), "isolated")
        backend.decoder = decoders.Fuse()
        return backend

    def encode(self, text: str, where: str | None) -> Int[np.ndarray, " time"]:
        """See `Unit.encode`."""
        code_points = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
        ids = self._ids[np.minimum(code_points, len(self._ids) - 1)]
        if ids.size and ids.min() < 0:
            raise self._unseen(np.unique(code_points[ids < 0]), where)
        return ids

    def encode_lines(self, lines: Sequence[str], where: str | None) -> list[Int[np.ndarray, " _"]]:
        """See `Unit.encode_lines`."""
        ids = self.encode("".join([line + "\n" for line in lines]), where)
        encoded = []
        start = 0
        for line in lines:
            stop = start + len(line) + 1
            encoded.append(ids[start:stop])
            start = stop
        return encoded

    def decode_stream(self) -> DecodeStream:
        """See `Unit.decode_stream`."""
        return _CharStream(self._characters)

    def _unseen(self, code_points: UInt[np.ndarray, " unseen"], where: str | None) -> DataError:
        named = ", ".join(
            f"'{printable(chr(code))}' (U+{code:04X})" for code in code_points[:_NAMED_CHARACTERS]
        )
        more = len(code_points) - _NAMED_CHARACTERS
        return DataError(
            (f"{where}: " if where else "")
            + f"not among the {len(self.pieces)} characters of the training text: {named}"
            + (f" and {more} more" if more > 0 else "")
            + ": remove or replace them, or train on a text that has them."
        )


class _CharStream(DecodeStream):
    def __init__(self, characters: list[str]) -> None:
        self._characters = characters

    def feed(self, id: int) -> str:
        return self._characters[id]
