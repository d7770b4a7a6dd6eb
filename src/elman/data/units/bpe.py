"""Byte-level byte-pair pieces as tokens: frequent byte sequences of the training text."""

import codecs
from collections.abc import Iterable, Sequence

import numpy as np
import tokenizers
from jaxtyping import Int
from tokenizers import decoders, models, pre_tokenizers, trainers

from elman.data.units.unit import DecodeStream, Unit, ordered_vocabulary, printable
from elman.errors import ConfigError, DataError

_DEFAULT_SIZE = 8000
_MINIMUM_SIZE = 257
# A pair seen once is a property of that place, not of the language.
_MINIMUM_FREQUENCY = 2


class BPEUnit(Unit):
    """One token a learned piece; every byte is in the vocabulary, so nothing is unknown.

    The newline is a token of its own and part of no other piece.

    Args:
        backend: the trained pipeline of the `tokenizers` library.

    Reference:
        Sennrich, Haddow & Birch 2016, "Neural machine translation of rare words with subword
        units", algorithm 1. Differs: starts from bytes, not characters.
    """

    def __init__(self, backend: tokenizers.Tokenizer) -> None:
        byte_of = _byte_of_symbol()
        try:
            self._bytes = [bytes(byte_of[s] for s in p) for p in ordered_vocabulary(backend)]
        except KeyError:
            raise ValueError("its pieces are not byte-level") from None
        if not {bytes([byte]) for byte in range(256)} <= set(self._bytes):
            raise ValueError("not every byte is among its pieces")
        self._backend = backend
        self.pieces = [printable(p.decode("utf-8", "backslashreplace")) for p in self._bytes]
        self.boundary = self._bytes.index(b"\n")
        self.unknown = None

    @classmethod
    def train(cls, lines: Iterable[str], vocabulary_size: int | None) -> "BPEUnit":
        """See `Unit.train`."""
        if vocabulary_size is not None and vocabulary_size < _MINIMUM_SIZE:
            raise ConfigError(
                f"vocabulary_size {vocabulary_size}: the unit bpe has a token for each of the 256 "
                f"bytes: choose {_MINIMUM_SIZE} or more."
            )
        backend = tokenizers.Tokenizer(models.BPE())
        backend.pre_tokenizer = pre_tokenizers.Sequence(
            [pre_tokenizers.Split("\n", "isolated"), pre_tokenizers.ByteLevel(False)]
        )
        backend.decoder = decoders.ByteLevel()
        trainer = trainers.BpeTrainer(
            vocab_size=vocabulary_size or _DEFAULT_SIZE,
            min_frequency=_MINIMUM_FREQUENCY,
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        )
        backend.train_from_iterator(lines, trainer)
        offered = backend.get_vocab_size()
        if vocabulary_size is not None and offered < vocabulary_size:
            raise ConfigError(
                f"vocabulary_size {vocabulary_size}: the text offers {offered} byte-level pieces: "
                f"choose from {_MINIMUM_SIZE} to {offered}, or give more text."
            )
        return cls(backend)

    @classmethod
    def from_backend(cls, backend: tokenizers.Tokenizer) -> "BPEUnit":
        """See `Unit.from_backend`."""
        return cls(backend)

    def backend(self) -> tokenizers.Tokenizer:
        """See `Unit.backend`."""
        return self._backend

    def encode(self, text: str, where: str | None) -> Int[np.ndarray, " time"]:
        """See `Unit.encode`."""
        # Line by line, because the library works on the texts of a batch in parallel.
        ids = np.concatenate(self.encode_lines(text.split("\n"), where))
        return ids[:-1]

    def encode_lines(self, lines: Sequence[str], where: str | None) -> list[Int[np.ndarray, " _"]]:
        """See `Unit.encode_lines`."""
        encodings = self._encode_batch(lines, where)
        return [np.array([*e.ids, self.boundary], dtype=np.int64) for e in encodings]

    def decode_stream(self) -> DecodeStream:
        """See `Unit.decode_stream`."""
        return _ByteStream(self._bytes)

    def _encode_batch(self, texts: Sequence[str], where: str | None) -> list[tokenizers.Encoding]:
        try:
            for text in texts:
                text.encode("utf-8")
        except UnicodeEncodeError as error:
            code = ord(error.object[error.start])
            raise DataError(
                (f"{where}: " if where else "")
                + f"U+{code:04X} is half of a surrogate pair, not a character: remove it."
            ) from None
        return self._backend.encode_batch_fast(list(texts))


class _ByteStream(DecodeStream):
    def __init__(self, pieces: list[bytes]) -> None:
        self._pieces = pieces
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def feed(self, id: int) -> str:
        return self._decoder.decode(self._pieces[id])

    def finish(self) -> str:
        return self._decoder.decode(b"", final=True)


def _byte_of_symbol() -> dict[str, int]:
    """Inverts the symbols that byte-level vocabularies write for bytes.

    Printable Latin-1 characters stand for themselves, the other bytes, in order, for U+0100 on.
    """
    shown = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    hidden = [byte for byte in range(256) if byte not in shown]
    return {chr(byte): byte for byte in shown} | {
        chr(0x100 + place): byte for place, byte in enumerate(hidden)
    }
