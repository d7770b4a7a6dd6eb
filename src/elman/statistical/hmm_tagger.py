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
        tags: occurrences of each tag.
        starts: sentences that begin with each tag.
        pairs: how often each tag follows each, `[tags, tags]`.
        words: occurrences of each tag, by word.
        suffixes: occurrences of each tag in rare words, by their endings; endings of capitalised
            words and of others are kept apart by a first letter `C` or `c`.
    """

    tags: Int[np.ndarray, " tags"]
    starts: Int[np.ndarray, " tags"]
    pairs: Int[np.ndarray, "tags tags"]
    words: Mapping[str, Int[np.ndarray, " tags"]]
    suffixes: Mapping[str, Int[np.ndarray, " tags"]]


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
        if numbers:
            starts[numbers[0]] += 1
            np.add.at(pairs, (numbers[:-1], numbers[1:]), 1)
    if not words:
        raise ValueError("count_tags needs at least one tagged word.")
    suffixes: dict[str, Int[np.ndarray, " tags"]] = defaultdict(lambda: np.zeros(tags, np.int64))
    for word, counts in words.items():
        if counts.sum() <= RARE:
            for ending in _endings(word):
                suffixes[ending] += counts
    return TagCounts(sum(words.values()), starts, pairs, dict(words), dict(suffixes))


class HMMTagger:
    r"""Tags words by a hidden Markov model of tags.

    $$ P(t \mid t') = \lambda_2 \hat P(t \mid t') + \lambda_1 \hat P(t), \quad
       P(w \mid t) = \hat P(w \mid t) $$

    For an unknown word $P(w \mid t) \propto P(t \mid \text{suffix}) / P(t)$, where the suffix of
    length i is smoothed with the shorter one by the spread of the tags' probabilities:

    $$ P(t \mid s_i) = \frac{\hat P(t \mid s_i) + \theta P(t \mid s_{i-1})}{1 + \theta} $$

    Args:
        counts: what was counted.

    Reference:
        Brants 2000, "TnT - a statistical part-of-speech tagger", equations 2 to 11.
        Differs: tags depend on one tag before them, not two.
    """

    def __init__(self, counts: TagCounts) -> None:
        self.counts = counts
        self.prior = counts.tags / counts.tags.sum()
        self.spread = float(self.prior.std(ddof=1)) if len(self.prior) > 1 else 0.0
        begins = counts.starts / counts.starts.sum()
        weight = _bigram_weight(counts)
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

    def _emission(self, word: str) -> Float[np.ndarray, " tags"]:
        counts = self.counts.words.get(word)
        if counts is not None:
            return counts / np.maximum(self.counts.tags, 1)
        share = self.prior
        for ending in _endings(word):
            here = self.counts.suffixes.get(ending)
            if here is None:
                break
            share = (here / here.sum() + self.spread * share) / (1 + self.spread)
        return share / np.maximum(self.prior, 1e-12)


def _endings(word: str) -> list[str]:
    """Return the suffixes of a word, the empty one first, marked by its capitalisation."""
    case = "C" if word[:1].isupper() else "c"
    longest = min(len(word), LONGEST_SUFFIX)
    return [case + word[len(word) - length :] for length in range(longest + 1)]


def _bigram_weight(counts: TagCounts) -> float:
    """Weigh pairs against single tags by what each says of pairs left out one at a time."""
    total, before = counts.tags.sum(), counts.pairs.sum(axis=1, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        by_pair = np.where(before > 1, (counts.pairs - 1) / (before - 1), 0.0)
    by_tag = (counts.tags - 1) / max(total - 1, 1)
    pairs_win = counts.pairs[by_pair > by_tag[None]].sum()
    return float((pairs_win + 1) / (counts.pairs.sum() + 2))


def _log(shares: Float[np.ndarray, "*shape"]) -> Float[np.ndarray, "*shape"]:
    """Return logarithms, finite also of zero, so that no sentence is impossible."""
    return np.log(np.maximum(shares, 1e-12))
