"""What a tagger knows: words, characters and tags."""

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import chain
from pathlib import Path
from typing import NamedTuple, Self

import torch
from jaxtyping import Int
from torch import Tensor

from elman.data.tag_schemes import Scheme, find_scheme, find_spans, may_follow, write_spans
from elman.errors import DataError
from elman.nn.crf import Allowed
from elman.tasks.labels import numbered, read_labels, write_labels

PADDING, UNKNOWN = 0, 1
"""Numbers that stand for no word or character, and for an unknown one."""
FIRST = 2
"""The number of the first known word or character."""
LONGEST_WORD = 40
"""Characters of a word that are read; of a longer one the first and the last half of these."""


class Vocabulary(NamedTuple):
    """The words, characters and tags of the training data.

    Args:
        words: by number, from `FIRST` on.
        characters: by number, from `FIRST` on.
        tags: by number, from 0; spans are in the scheme IOBES.
        scheme: that spans have in the files; None if the tags are no spans.
        lowercase: whether words are looked up without regard to case.
    """

    words: dict[str, int]
    characters: dict[str, int]
    tags: dict[str, int]
    scheme: Scheme | None
    lowercase: bool

    @classmethod
    def gather(
        cls,
        sentences: Sequence[tuple[Sequence[str], Sequence[str]]],
        *,
        lowercase: bool,
        size: int | None,
    ) -> Self:
        """Gather a vocabulary.

        Args:
            sentences: words and tags, as the file has them.
            lowercase: look words up without regard to case.
            size: most words to keep, the most frequent; all of them if None.

        Returns:
            The vocabulary; the words that come most often have the smallest numbers.

        Raises:
            DataError: if there is no tag.
        """
        scheme = find_scheme(tags for _, tags in sentences)
        counts: dict[str, int] = {}
        for word in (word for words, _ in sentences for word in words):
            key = _key(word, lowercase)
            counts[key] = counts.get(key, 0) + 1
        ranked = sorted(counts, key=lambda word: (-counts[word], word))[:size]
        characters = sorted({c for words, _ in sentences for word in words for c in word})
        tags = sorted({tag for _, found in sentences for tag in _inside(found, scheme)})
        if not tags:
            raise DataError(
                "the training data has no tags: give a file with a tag a word, or learn from words "
                "alone by --model hmm --hidden-states N."
            )
        entries = numbered(ranked, FIRST), numbered(characters, FIRST), numbered(tags)
        return cls(*entries, scheme, lowercase)

    def encode_words(self, words: Sequence[str], *, spelling: bool) -> Int[Tensor, "time columns"]:
        """Turn words into numbers.

        Args:
            words: of a sentence.
            spelling: whether characters are wanted.

        Returns:
            For each word its number, and those of its characters, padded at the end.
        """
        numbers = [self.words.get(_key(word, self.lowercase), UNKNOWN) for word in words]
        columns = torch.tensor(numbers).unsqueeze(1)
        if not spelling:
            return columns
        rows = [[self.characters.get(c, UNKNOWN) for c in _shortened(word)] for word in words]
        width = max(map(len, rows))
        padded = torch.tensor([row + [PADDING] * (width - len(row)) for row in rows])
        return torch.cat([columns, padded], dim=1)

    @classmethod
    def of_states(cls, sentences: Iterable[Sequence[str]], states: int, size: int | None) -> Self:
        """Gather the words of sentences whose tags are to be found.

        Words that come once are left out, so that what unknown words are like can be learnt.

        Args:
            sentences: words of each.
            states: how many tags there are to be; their names are numbers.
            size: most words to keep, the most frequent; all of them if None.

        Returns:
            The vocabulary.
        """
        counts = Counter(chain.from_iterable(sentences))
        known = sorted((w for w in counts if counts[w] > 1), key=lambda w: (-counts[w], w))
        words, states_by_name = numbered(known[:size], FIRST), numbered(map(str, range(states)))
        return cls(words, {}, states_by_name, None, False)

    def inside(self, tags: Sequence[str]) -> tuple[str, ...]:
        """Return tags as the model has them.

        Args:
            tags: as the file has them, one a word.

        Returns:
            The tags, with spans in IOBES.
        """
        return tuple(_inside(tags, self.scheme))

    def encode_tags(self, tags: Sequence[str]) -> list[int]:
        """Turn tags, as the file has them, into numbers.

        Args:
            tags: one a word.

        Returns:
            Their numbers; -1 for a tag that the training data does not have.
        """
        return [self.tags.get(tag, -1) for tag in _inside(tags, self.scheme)]

    def decode_tags(self, numbers: Iterable[int]) -> list[str]:
        """Turn numbers back into tags as the file has them; the inverse of `encode_tags`.

        Args:
            numbers: of tags.

        Returns:
            One tag a word.
        """
        names = list(self.tags)
        tags = [names[number] for number in numbers]
        if self.scheme is None:
            return tags
        return write_spans(find_spans(tags), len(tags), self.scheme)

    def allowed(self) -> Allowed | None:
        """Return which tags may follow which; None if any may."""
        if self.scheme is None:
            return None
        names = list(self.tags)
        between = [[may_follow(first, second) for second in names] for first in names]
        start, end = ([may_follow("O", n) for n in names], [may_follow(n, "O") for n in names])
        return Allowed(*map(torch.tensor, (start, between, end)))

    def save(self, folder: Path) -> None:
        """Write the vocabulary.

        Args:
            folder: the run folder.
        """
        contents = {
            "scheme": self.scheme,
            "lowercase": self.lowercase,
            "tags": list(self.tags),
            "characters": list(self.characters),
            "words": list(self.words),
        }
        write_labels(folder, contents)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote.

        Args:
            folder: the run folder.

        Returns:
            The vocabulary.

        Raises:
            CheckpointError: if the file is missing or damaged.
        """
        return read_labels(
            folder,
            lambda read: cls(
                numbered(read["words"], FIRST),
                numbered(read["characters"], FIRST),
                numbered(read["tags"]),
                read["scheme"],
                read["lowercase"],
            ),
        )


def _key(word: str, lowercase: bool) -> str:
    return word.lower() if lowercase else word


def _shortened(word: str) -> str:
    half = LONGEST_WORD // 2
    return word if len(word) <= LONGEST_WORD else word[:half] + word[-half:]


def _inside(tags: Sequence[str], scheme: Scheme | None) -> Sequence[str]:
    """Return tags as the model has them."""
    if scheme is None:
        return tags
    return write_spans(find_spans(tags), len(tags), "IOBES")
