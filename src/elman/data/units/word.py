"""Words as tokens: what stands between white space; a line ends with `<eos>`."""

from collections import Counter
from collections.abc import Iterable

import numpy as np
import tokenizers
from jaxtyping import Int
from tokenizers import Regex, models, pre_tokenizers, processors

from elman.data.units.unit import DecodeStream, Unit, ordered_vocabulary
from elman.errors import ConfigError

UNKNOWN = "<unk>"
END_OF_SENTENCE = "<eos>"
_MINIMUM_SIZE = 3
# White space as str.split() understands it; \s alone misses the four separators.
_WHITE_SPACE = r"[\s\x1c-\x1f]+"


class WordUnit(Unit):
    """One token a word, ids in the order of falling frequency, then of the alphabet.

    `<unk>` in the text is the unknown word. `<eos>` is kept for line ends: where a text writes
    it out, it counts as an unknown word, so that line ends and `<eos>` are as many.

    Args:
        words: the vocabulary in the order of the ids, with `<unk>` and `<eos>`.
    """

    def __init__(self, words: list[str]) -> None:
        self.pieces = words
        self.boundary = words.index(END_OF_SENTENCE)
        self.unknown: int = words.index(UNKNOWN)
        self._ids = _KnownWords(self.unknown, words)
        del self._ids[END_OF_SENTENCE]

    @classmethod
    def train(cls, lines: Iterable[str], vocabulary_size: int | None) -> "WordUnit":
        """See `Unit.train`."""
        counts: Counter[str] = Counter()
        number_of_lines = 0
        for line in lines:
            counts.update(line.split())
            number_of_lines += 1
        unknown_words = counts.pop(UNKNOWN, 0) + counts.pop(END_OF_SENTENCE, 0)
        offered = len(counts) + 2
        size = offered if vocabulary_size is None else vocabulary_size
        if vocabulary_size is not None and not _MINIMUM_SIZE <= size <= offered:
            raise ConfigError(
                f"vocabulary_size {size}: the text offers {offered} tokens, {UNKNOWN} and "
                f"{END_OF_SENTENCE} included: choose from {_MINIMUM_SIZE} to {offered}."
            )
        ranked = sorted(counts.items(), key=lambda entry: (-entry[1], entry[0]))
        kept = dict(ranked[: size - 2])
        kept[UNKNOWN] = unknown_words + sum(count for _, count in ranked[size - 2 :])
        kept[END_OF_SENTENCE] = number_of_lines
        return cls(sorted(kept, key=lambda word: (-kept[word], word)))

    @classmethod
    def from_backend(cls, backend: tokenizers.Tokenizer) -> "WordUnit":
        """See `Unit.from_backend`."""
        words = ordered_vocabulary(backend)
        if not {UNKNOWN, END_OF_SENTENCE} <= set(words):
            raise ValueError(f"{UNKNOWN} or {END_OF_SENTENCE} is not among its words")
        return cls(words)

    def backend(self) -> tokenizers.Tokenizer:
        """See `Unit.backend`."""
        vocabulary = {word: id for id, word in enumerate(self.pieces)}
        backend = tokenizers.Tokenizer(models.WordLevel(vocabulary, unk_token=UNKNOWN))
        backend.pre_tokenizer = pre_tokenizers.Split(Regex(_WHITE_SPACE), "removed")
        backend.post_processor = processors.TemplateProcessing(
            single=f"$A {END_OF_SENTENCE}", special_tokens=[(END_OF_SENTENCE, self.boundary)]
        )
        return backend

    def encode(self, text: str, where: str | None) -> Int[np.ndarray, " time"]:
        """See `Unit.encode`."""
        ids: list[int] = []
        id_of = self._ids.__getitem__
        for line in text.split("\n"):
            ids.extend(map(id_of, line.split()))
            ids.append(self.boundary)
        return np.array(ids[:-1], dtype=np.int64)

    def decode_stream(self) -> DecodeStream:
        """See `Unit.decode_stream`."""
        return _WordStream(self.pieces, self.boundary)


class _KnownWords(dict[str, int]):
    """Ids of words, the unknown word's for all others."""

    def __init__(self, unknown: int, words: list[str]) -> None:
        super().__init__((word, id) for id, word in enumerate(words))
        self._unknown = unknown

    def __missing__(self, word: str) -> int:
        return self._unknown

    def __reduce__(self) -> tuple[type, tuple[int, list[str]], None, None, object]:
        return (type(self), (self._unknown, []), None, None, iter(self.items()))


class _WordStream(DecodeStream):
    def __init__(self, words: list[str], boundary: int) -> None:
        self._words = words
        self._boundary = boundary
        self._separator = ""

    def feed(self, id: int) -> str:
        if id == self._boundary:
            self._separator = ""
            return "\n"
        separator, self._separator = self._separator, " "
        return separator + self._words[id]
