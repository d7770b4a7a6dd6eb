"""Sentences as batches."""

from collections.abc import Sequence
from typing import NamedTuple, Self

import numpy as np
import torch
from jaxtyping import Int, Integer
from torch import Tensor

from elman.data import Corpus
from elman.errors import DataError

Ids = Integer[np.ndarray, " words"]


class SentenceInputs(NamedTuple):
    """Sentences side by side, each between two boundaries.

    Args:
        ids: `[time + 2, batch]`; boundaries fill the steps after a sentence's end.
        lengths: words of each sentence, boundaries not counted.
    """

    ids: Int[Tensor, "time batch"]
    lengths: Int[Tensor, " batch"]

    def to(self, device: torch.device) -> Self:
        """Move the tensors.

        Args:
            device: where to.

        Returns:
            The same sentences there.
        """
        return type(self)(self.ids.to(device), self.lengths.to(device))


class FillingBatch(NamedTuple):
    """Sentences whose every word is to be found from the others.

    Args:
        inputs: the sentences.
    """

    inputs: SentenceInputs

    @property
    def targets(self) -> Int[Tensor, "time batch"]:
        """The words, without the boundaries around them."""
        return self.inputs.ids[1:-1]

    @property
    def lengths(self) -> Int[Tensor, " batch"]:
        """Words of each sentence."""
        return self.inputs.lengths

    @property
    def rows(self) -> int:
        """Sentences side by side."""
        return len(self.inputs.lengths)

    @property
    def target_count(self) -> int:
        """Words to learn from."""
        return int(self.inputs.lengths.sum())

    def to(self, device: torch.device) -> Self:
        """Move the tensors.

        Args:
            device: where to.

        Returns:
            The same batch there.
        """
        return type(self)(self.inputs.to(device))


class Sentences(Sequence[Ids]):
    """The lines of a text that have words, each without its line end.

    Args:
        corpus: a text of words; every line ends with a token of its own.

    Raises:
        DataError: if no line has a word.
    """

    def __init__(self, corpus: Corpus) -> None:
        ends = np.asarray(corpus.ends)[:, 0] - corpus.start[0]
        lengths = np.diff(ends, prepend=0) - 1
        kept = lengths > 0
        if not kept.any():
            raise DataError("the text has no words: give one with a sentence a line.")
        self._tokens = corpus.tokens
        self._ends = ends[kept] - 1
        self.lengths: Int[np.ndarray, " sentences"] = lengths[kept]

    def __len__(self) -> int:
        return len(self.lengths)

    def __getitem__(self, index: int) -> Ids:  # type: ignore[override]
        """Return the words of a sentence.

        Args:
            index: from 0 to the number of sentences - 1.
        """
        end = self._ends[index]
        return self._tokens[end - self.lengths[index] : end]


def join_sentences(sentences: Sequence[Ids], boundary: int) -> FillingBatch:
    """Put sentences side by side.

    Args:
        sentences: at least one.
        boundary: the token before and after each.

    Returns:
        The batch.
    """
    lengths = [len(words) for words in sentences]
    ids = np.full((max(lengths) + 2, len(sentences)), boundary)
    for row, words in enumerate(sentences):
        ids[1 : len(words) + 1, row] = words
    return FillingBatch(SentenceInputs(torch.from_numpy(ids), torch.tensor(lengths)))
