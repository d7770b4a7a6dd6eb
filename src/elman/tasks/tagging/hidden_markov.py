"""A tagger that is counted: a hidden Markov model of tags."""

from collections.abc import Mapping, Sequence
from typing import Self

import numpy as np
import torch
from torch import Tensor

from elman.statistical.hmm_tagger import HMMTagger, TagCounts, count_tags
from elman.tasks.tagging.answers import Answer


class HiddenMarkovTagger:
    """Answers as a tagging network does, from counts.

    Args:
        counts: what was counted in the training data.
    """

    def __init__(self, counts: TagCounts) -> None:
        self.counts = counts
        self.tagger = HMMTagger(counts)

    @classmethod
    def fit(cls, sentences: Sequence[tuple[Sequence[str], Sequence[int]]], tags: int) -> Self:
        """Count tagged sentences.

        Args:
            sentences: words and the numbers of their tags.
            tags: how many tags there are.

        Returns:
            The model.
        """
        return cls(count_tags(sentences, tags))

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
    def from_arrays(cls, arrays: Mapping[str, Tensor], words: Mapping[str, int]) -> Self:
        """Rebuild a model from `arrays`.

        Args:
            arrays: what `arrays` returned.
            words: all words counted, in the order of their numbers.

        Returns:
            The model.
        """
        by_word = dict(zip(words, arrays["words"].numpy(), strict=True))
        return cls(TagCounts(arrays["starts"].numpy(), arrays["pairs"].numpy(), by_word))

    def loss(self, sentences: Sequence[tuple[Sequence[str], Sequence[int]]]) -> float:
        """Return the mean negative log-probability of tags, given the words.

        Args:
            sentences: words and the numbers of their tags.

        Returns:
            Nats a word.
        """
        total = sum(self.tagger.log_probability(words, tags) for words, tags in sentences)
        return -total / sum(len(tags) for _, tags in sentences)

    def answer(self, words: Sequence[str], *, probabilities: bool) -> Answer:
        """Tag a sentence.

        Args:
            words: of the sentence, at least one.
            probabilities: whether those of all tags are wanted.

        Returns:
            The most probable tags.
        """
        shares = self.tagger.posteriors(words).states if probabilities else None
        return Answer(self.tagger.tag(words), shares)
