"""A hidden Markov model counted from tagged sentences, with suffixes for unknown words."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from elman.statistical.hmm import Posteriors, forward_backward, viterbi

LONGEST_SUFFIX = 10
RARE = 10
"""Words seen up to so often tell what unknown words are like."""


class TagCounts(NamedTuple):
    """What was counted in tagged sentences.

    Args:
        starts: sentences that begin with each tag.
        pairs: how often each tag follows each, `[tags, tags]`.
        words: occurrences of each tag, by word.
    """

    starts: Int[np.ndarray, " tags"]
    pairs: Int[np.ndarray, "tags tags"]
    words: Mapping[str, Int[np.ndarray, " tags"]]


def count_tags(sentences: Iterable[tuple[Sequence[str], Sequence[int]]], tags: int) -> TagCounts:
    """Count tagged sentences.

    Args:
        sentences: the words of each and the numbers of their tags.
        tags: how many tags there are.

    Returns:
        The counts.

    Raises:
        ValueError: if there is no sentence with a word.
    """
    words: dict[str, Int[np.ndarray, " tags"]] = defaultdict(lambda: np.zeros(tags, np.int64))
    starts, pairs = np.zeros(tags, np.int64), np.zeros((tags, tags), np.int64)
    for tokens, numbers in sentences:
        for word, number in zip(tokens, numbers, strict=True):
            words[word][number] += 1
        if len(numbers):
            starts[numbers[0]] += 1
            np.add.at(pairs, (numbers[:-1], numbers[1:]), 1)
    if not words:
        raise ValueError("count_tags needs at least one tagged word.")
    return TagCounts(starts, pairs, dict(words))


class HMMTagger:
    r"""Tags words by a hidden Markov model of tags.

    $$ P(t \mid t') = \lambda_2 \hat P(t \mid t') + \lambda_1 \hat P(t), \quad
       P(w \mid t) = \hat P(w \mid t) $$

    For an unknown word $P(w \mid t) \propto P(t \mid \text{suffix}) / P(t)$, where the suffix of
    length i is smoothed with the shorter one by the spread of the tags' probabilities:

    $$ P(t \mid s_i) = \frac{\hat P(t \mid s_i) + \theta P(t \mid s_{i-1})}{1 + \theta} $$

    Suffixes are those of rare words; of capitalised words and of others they are kept apart.

    Args:
        counts: what was counted.

    Reference:
        Brants 2000, "TnT - a statistical part-of-speech tagger", equations 2 to 11.
        Differs: tags depend on one tag before them, not two.
    """

    def __init__(self, counts: TagCounts) -> None:
        self.words = counts.words
        self.suffixes = _count_suffixes(counts.words)
        self.tags: Int[np.ndarray, " tags"] = sum(counts.words.values())  # type: ignore[assignment]
        self.prior = self.tags / self.tags.sum()
        self.spread = float(self.prior.std(ddof=1)) if len(self.prior) > 1 else 0.0
        begins = counts.starts / counts.starts.sum()
        weight = _pair_weight(self.tags, counts.pairs)
        seen = counts.pairs.sum(axis=1, keepdims=True)
        follows = counts.pairs / np.maximum(seen, 1)
        self.start = _log(weight * begins + (1 - weight) * self.prior)
        self.transitions = _log(weight * follows + (1 - weight) * self.prior)

    def scores(self, words: Sequence[str]) -> Float[np.ndarray, "time tags"]:
        """Return the log-probability of each word under each tag, up to a number a word.

        Args:
            words: of a sentence.
        """
        return np.stack([_log(self._emission(word)) for word in words])

    def tag(self, words: Sequence[str]) -> Int[np.ndarray, " time"]:
        """Find the most probable tags of a sentence.

        Args:
            words: at least one.

        Returns:
            The number of each word's tag.
        """
        return viterbi(self.start, self.transitions, self.scores(words))[0]

    def posteriors(self, words: Sequence[str]) -> Posteriors:
        """Return the probabilities of all tags of a sentence; see `forward_backward`.

        Args:
            words: at least one.
        """
        return forward_backward(self.start, self.transitions, self.scores(words))

    def log_probability(self, words: Sequence[str], tags: Sequence[int]) -> float:
        """Return the log-probability of tags, given the words.

        Args:
            words: of a sentence, at least one.
            tags: the number of each word's tag.

        Returns:
            Nats.
        """
        scores = self.scores(words)
        total = forward_backward(self.start, self.transitions, scores).log_likelihood
        chosen = self.start[tags[0]] + scores[np.arange(len(tags)), tags].sum()
        return float(chosen + self.transitions[tags[:-1], tags[1:]].sum() - total)

    def _emission(self, word: str) -> Float[np.ndarray, " tags"]:
        counts = self.words.get(word)
        if counts is not None:
            return counts / np.maximum(self.tags, 1)
        share = self.prior
        for ending in _endings(word):
            here = self.suffixes.get(ending)
            if here is None:
                break
            share = (here / here.sum() + self.spread * share) / (1 + self.spread)
        return share / np.maximum(self.prior, 1e-12)


def _count_suffixes(
    words: Mapping[str, Int[np.ndarray, " tags"]],
) -> dict[str, Int[np.ndarray, " tags"]]:
    suffixes: dict[str, Int[np.ndarray, " tags"]] = {}
    for word, counts in words.items():
        if counts.sum() <= RARE:
            for ending in _endings(word):
                suffixes[ending] = suffixes.get(ending, 0) + counts
    return suffixes


def _endings(word: str) -> list[str]:
    """Return the suffixes of a word, the empty one first, marked by its capitalisation."""
    case = "C" if word[:1].isupper() else "c"
    longest = min(len(word), LONGEST_SUFFIX)
    return [case + word[len(word) - length :] for length in range(longest + 1)]


def _pair_weight(tags: Int[np.ndarray, " tags"], pairs: Int[np.ndarray, "tags tags"]) -> float:
    """Weigh pairs against single tags by what each says of pairs left out one at a time."""
    before = pairs.sum(axis=1, keepdims=True)
    by_pair = (pairs - 1) / np.maximum(before - 1, 1)
    by_tag = (tags - 1) / max(tags.sum() - 1, 1)
    return float((pairs[by_pair > by_tag].sum() + 1) / (pairs.sum() + 2))


def _log(shares: Float[np.ndarray, "*shape"]) -> Float[np.ndarray, "*shape"]:
    """Return logarithms, finite also of zero, so that no sentence is impossible."""
    return np.log(np.maximum(shares, 1e-12))
