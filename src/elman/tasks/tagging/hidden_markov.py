"""A tagger that is counted: a hidden Markov model of tags."""

from collections.abc import Mapping, Sequence
from typing import Self

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from elman.nn.crf import Allowed
from elman.statistical.hmm_tagger import HMMTagger, TagCounts, count_tags
from elman.tasks.tagging.chain import ChainTagger


class HiddenMarkovTagger(ChainTagger):
    """Answers as a tagging network does, from counts.

    Args:
        counts: what was counted in the training data.
        allowed: which tags may begin, follow and end; all if None.
    """

    def __init__(self, counts: TagCounts, allowed: Allowed | None) -> None:
        self.counts = counts
        self.tagger = HMMTagger(counts)
        super().__init__(self.tagger.start, self.tagger.transitions, allowed)

    @classmethod
    def fit(
        cls,
        sentences: Sequence[tuple[Sequence[str], Sequence[int]]],
        tags: int,
        allowed: Allowed | None,
    ) -> Self:
        """Count tagged sentences.

        Args:
            sentences: words and the numbers of their tags.
            tags: how many tags there are.
            allowed: which of them may begin, follow and end; all if None.

        Returns:
            The model.
        """
        return cls(count_tags(sentences, tags), allowed)

    def arrays(self, words: Mapping[str, int]) -> dict[str, Tensor]:
        """Return the counts, by name.

        Args:
            words: all words counted, in the order of their numbers.
        """
        return {
            "starts": torch.from_numpy(self.counts.starts),
            "pairs": torch.from_numpy(self.counts.pairs),
            "words": torch.from_numpy(np.stack([self.counts.words[word] for word in words])),
        }

    @classmethod
    def from_arrays(
        cls, arrays: Mapping[str, Tensor], words: Mapping[str, int], allowed: Allowed | None
    ) -> Self:
        """Rebuild a model from `arrays`.

        Args:
            arrays: what `arrays` returned.
            words: all words counted, in the order of their numbers.
            allowed: which tags may begin, follow and end; all if None.

        Returns:
            The model.
        """
        by_word = dict(zip(words, arrays["words"].numpy(), strict=True))
        counts = TagCounts(arrays["starts"].numpy(), arrays["pairs"].numpy(), by_word)
        return cls(counts, allowed)

    def loss(self, sentences: Sequence[tuple[Sequence[str], Sequence[int]]]) -> float:
        """Return the mean negative log-probability of tags, given the words.

        Args:
            sentences: words and the numbers of their tags.

        Returns:
            Nats a word.
        """
        total = sum(self.tagger.log_probability(words, tags) for words, tags in sentences)
        return -total / sum(len(tags) for _, tags in sentences)

    def look_up(self, words: Sequence[str]) -> Float[Tensor, "words tags"]:
        """Return the log-probabilities of words, up to a number each; see `ChainTagger.look_up`."""
        return torch.from_numpy(self.tagger.scores(words))
