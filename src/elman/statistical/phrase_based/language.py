"""One language: raw text to words and their numbers, and back."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Self

from elman.data.joined_words import join_marks, split_marks
from elman.errors import CheckpointError
from elman.statistical.phrase_based.words import Casing, raise_first


class Language:
    """The words of a language and their usual case.

    Args:
        words: each once; a word's place is its number.
        casing: their usual case.
    """

    def __init__(self, words: Sequence[str], casing: Casing) -> None:
        self.words = list(words)
        self.casing = casing
        self.numbers = {word: number for number, word in enumerate(self.words)}

    @classmethod
    def gather(cls, texts: Iterable[str]) -> Self:
        """Take all words of some texts.

        Args:
            texts: raw sentences.

        Returns:
            The language.
        """
        sentences = [split_marks(text) for text in texts]
        casing = Casing.count(sentences)
        words = (word for sentence in sentences for word in casing.lower_first(sentence))
        return cls(list(dict.fromkeys(words)), casing)

    @property
    def end(self) -> int:
        """The number of what ends a sentence."""
        return len(self.words)

    @property
    def unknown(self) -> int:
        """The number of all words that are not among these."""
        return len(self.words) + 1

    @property
    def size(self) -> int:
        """How many numbers there are."""
        return len(self.words) + 2

    def read(self, text: str) -> list[str]:
        """Cut a raw sentence into words.

        Args:
            text: the sentence.

        Returns:
            Words and marks, the first word in its usual case.
        """
        return self.casing.lower_first(split_marks(text))

    def encode(self, words: Sequence[str]) -> list[int]:
        """Return the numbers of words.

        Args:
            words: as `read` gives them.
        """
        return [self.numbers.get(word, self.unknown) for word in words]

    def write(self, words: Sequence[str]) -> str:
        """Write words as a raw sentence, which starts with a capital.

        Args:
            words: as `read` gives them.

        Returns:
            The sentence.
        """
        return raise_first(join_marks(words))

    def tables(self) -> dict[str, list[str]]:
        """Return everything that `from_tables` needs, fit for JSON."""
        return {"words": self.words, "forms": list(self.casing.forms.values())}

    @classmethod
    def from_tables(cls, tables: Mapping[str, Any]) -> Self:
        """Restore a language.

        Args:
            tables: what `tables` returned.

        Returns:
            The language.

        Raises:
            CheckpointError: if these are not such tables.
        """
        try:
            forms = {form.lower(): form for form in tables["forms"]}
            return cls(tables["words"], Casing(forms))
        except (AttributeError, KeyError, TypeError):
            raise CheckpointError("not the words of a phrase-based translation.") from None
