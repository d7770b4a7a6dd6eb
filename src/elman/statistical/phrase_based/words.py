"""The usual case of words, put right where a sentence starts."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Self


class Casing:
    """The usual case of words, which the first word of a sentence hides.

    Args:
        forms: the usual form of each word, by its lower-case form.
    """

    def __init__(self, forms: Mapping[str, str]) -> None:
        self.forms = dict(forms)

    @classmethod
    def count(cls, sentences: Iterable[Sequence[str]]) -> Self:
        """Count how words are written within sentences.

        Args:
            sentences: their words.

        Returns:
            What was counted; words that only ever start a sentence are left out.
        """
        counts: Counter[str] = Counter()
        for sentence in sentences:
            counts.update(sentence[1:])
        forms: dict[str, str] = {}
        for word, _ in counts.most_common():
            forms.setdefault(word.lower(), word)
        return cls(forms)

    def lower_first(self, sentence: Sequence[str]) -> list[str]:
        """Write the first word as it is usually written.

        Args:
            sentence: its words.

        Returns:
            The words.
        """
        first = [self.forms.get(word.lower(), word) for word in sentence[:1]]
        return [*first, *sentence[1:]]


def raise_first(text: str) -> str:
    """Write the first letter of a text as a capital.

    Args:
        text: a sentence.

    Returns:
        The sentence.
    """
    for place, letter in enumerate(text):
        if letter.isalnum():
            return text[:place] + letter.upper() + text[place + 1 :]
    return text
