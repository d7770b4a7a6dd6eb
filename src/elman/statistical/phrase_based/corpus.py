"""Sentences of token ids, one after the other in flat arrays."""

from collections.abc import Sequence
from typing import NamedTuple, Self

import numpy as np
from jaxtyping import Int


class Sentences(NamedTuple):
    """Sentences in one array.

    Args:
        tokens: the ids of all sentences.
        starts: where each sentence starts, and where the last one ends.
    """

    tokens: Int[np.ndarray, " tokens"]
    starts: Int[np.ndarray, " bounds"]

    @classmethod
    def pack(cls, sentences: Sequence[Sequence[int]]) -> Self:
        """Put sentences one after the other.

        Args:
            sentences: the ids of each.

        Returns:
            The sentences.
        """
        lengths = [len(sentence) for sentence in sentences]
        tokens = [token for sentence in sentences for token in sentence]
        starts = np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)]).astype(np.int64)
        return cls(np.array(tokens, dtype=np.int64), starts)

    @property
    def lengths(self) -> Int[np.ndarray, " sentences"]:
        """Tokens of each sentence."""
        return np.diff(self.starts)

    @property
    def owners(self) -> Int[np.ndarray, " tokens"]:
        """The sentence that each token is of."""
        return np.repeat(np.arange(len(self.starts) - 1), self.lengths)

    def choose(self, chosen: Int[np.ndarray, " chosen"]) -> "Sentences":
        """Return some of the sentences.

        Args:
            chosen: which, in the order wanted.
        """
        lengths = self.lengths[chosen]
        places = np.repeat(self.starts[chosen], lengths) + ranges(lengths)
        return Sentences(self.tokens[places], np.concatenate([[0], np.cumsum(lengths)]))


def ranges(counts: Int[np.ndarray, " rows"]) -> Int[np.ndarray, " total"]:
    """Return 0, 1, ..., count - 1 of each row, one row after the other.

    Args:
        counts: of each row, not negative.
    """
    ends = np.cumsum(counts)
    return np.arange(counts.sum()) - np.repeat(ends - counts, counts)
