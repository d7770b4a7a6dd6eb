"""The phrase table: the translations of source phrases and what speaks for each of them."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple, Self

import numpy as np
from jaxtyping import Float, Int

from elman.statistical.counting import find
from elman.statistical.phrase_based.corpus import Sentences

TABLE_FEATURES = (
    "source_given_target",
    "source_words_given_target",
    "target_given_source",
    "target_words_given_source",
    "monotone",
    "swap",
    "discontinuous",
)
"""Logarithms that the table holds of every phrase pair."""


class Found(NamedTuple):
    """The translations of a part of a sentence.

    Args:
        start: its first word.
        end: the word after its last one.
        first: the first of its translations.
        last: the one after its last translation.
    """

    start: int
    end: int
    first: int
    last: int


class PhraseTable(NamedTuple):
    """Source phrases and their translations, in sorted arrays.

    Source phrases are paths of a trie. A node of depth d has the key
    `number of the node above * vocabulary size + word`, and its number is its place among the
    sorted keys of its depth.

    Args:
        vocabulary_size: number of source words.
        keys: of the nodes of each depth.
        first: the first translation of each node, depth after depth, and how many there are.
        targets: the translations.
        features: `TABLE_FEATURES` of each translation.
    """

    vocabulary_size: int
    keys: list[Int[np.ndarray, " nodes"]]
    first: Int[np.ndarray, " bounds"]
    targets: Sentences
    features: Float[np.ndarray, "options features"]

    @classmethod
    def build(
        cls,
        vocabulary_size: int,
        sources: Int[np.ndarray, "options words"],
        targets: Sentences,
        features: Float[np.ndarray, "options features"],
    ) -> Self:
        """Make a table of phrase pairs.

        Args:
            vocabulary_size: number of source words.
            sources: the source phrase of each pair, -1 behind its end.
            targets: the target phrases.
            features: of the pairs.

        Returns:
            The table.
        """
        lengths = (sources >= 0).sum(axis=1)
        nodes = np.zeros(len(sources), dtype=np.int64)
        keys, numbers, offset = [], np.empty(len(sources), dtype=np.int64), 0
        for depth in range(sources.shape[1]):
            longer = np.flatnonzero(lengths > depth)
            own = nodes[longer] * vocabulary_size + sources[longer, depth]
            level, nodes[longer] = np.unique(own, return_inverse=True)
            ending = longer[lengths[longer] == depth + 1]
            numbers[ending] = offset + nodes[ending]
            keys.append(level)
            offset += len(level)
        order = np.argsort(numbers, kind="stable")
        first = np.searchsorted(numbers[order], np.arange(offset + 1))
        return cls(vocabulary_size, keys, first, targets.choose(order), features[order])

    def find(self, sentence: Sequence[int]) -> Iterator[Found]:
        """Look up all parts of a sentence.

        Args:
            sentence: source words; -1 for unknown ones.

        Yields:
            The parts that have translations.
        """
        words = np.array(sentence, dtype=np.int64)
        starts, nodes = np.arange(len(words)), np.zeros(len(words), dtype=np.int64)
        offset = 0
        for length, level in enumerate(self.keys, start=1):
            inside = starts + length <= len(words)
            starts, nodes = starts[inside], nodes[inside]
            here = words[starts + length - 1]
            nodes = np.where(here < 0, -1, find(level, nodes * self.vocabulary_size + here))
            starts, nodes = starts[nodes >= 0], nodes[nodes >= 0]
            bounds = self.first[offset + nodes], self.first[offset + nodes + 1]
            for start, first, last in zip(
                starts.tolist(), *(b.tolist() for b in bounds), strict=True
            ):
                if last > first:
                    yield Found(start, start + length, first, last)
            offset += len(level)

    def arrays(self) -> dict[str, np.ndarray]:
        """Return everything that `from_arrays` needs, by name."""
        keys = {f"keys.{depth}": level for depth, level in enumerate(self.keys, start=1)}
        return {
            **keys,
            "vocabulary_size": np.array([self.vocabulary_size]),
            "first": self.first,
            "target_tokens": self.targets.tokens.astype(np.int32),
            "target_starts": self.targets.starts,
            "features": self.features,
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> Self:
        """Restore a table.

        Args:
            arrays: what `arrays` returned.

        Returns:
            The table.
        """
        depths = sum(name.startswith("keys.") for name in arrays)
        targets = Sentences(arrays["target_tokens"].astype(np.int64), arrays["target_starts"])
        return cls(
            int(arrays["vocabulary_size"][0]),
            [arrays[f"keys.{depth}"] for depth in range(1, depths + 1)],
            arrays["first"],
            targets,
            arrays["features"],
        )
