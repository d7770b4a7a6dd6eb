"""From aligned sentences to a phrase table."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from elman.statistical.phrase_based.corpus import Sentences, ranges
from elman.statistical.phrase_based.extraction import (
    DISCONTINUOUS,
    LONGEST_PHRASE,
    Alignment,
    PhrasePairs,
    Spans,
    extract,
    orientations,
)
from elman.statistical.phrase_based.lexical_weights import lexical_weights
from elman.statistical.phrase_based.phrase_table import PhraseTable

ORIENTATION_PRIOR = 0.5
"""How many occurrences the average orientation counts as."""
MOST_OPTIONS = 30
"""Translations kept of a source phrase."""
LONGEST_SINGLETON = 3
"""Source words of pairs that are kept although neither phrase occurs a second time."""


class PairCounts(NamedTuple):
    """Distinct phrase pairs.

    Args:
        sources: the number of the source phrase of each.
        targets: the number of the target phrase of each.
        counts: occurrences of each.
        examples: an occurrence of each.
        kinds: the distinct pair that each occurrence is of.
    """

    sources: Int[np.ndarray, " pairs"]
    targets: Int[np.ndarray, " pairs"]
    counts: Int[np.ndarray, " pairs"]
    examples: Int[np.ndarray, " pairs"]
    kinds: Int[np.ndarray, " occurrences"]


def build_phrase_table(
    source: Sentences, target: Sentences, alignment: Alignment, source_vocabulary_size: int
) -> PhraseTable:
    r"""Estimate the phrase table of aligned sentences.

    $$ p(e \mid f) = \frac{c(f, e)}{\sum_{e'} c(f, e')}, \quad
       p(f \mid e) = \frac{c(f, e)}{\sum_{f'} c(f', e)} $$

    and lexical weights in both directions, the largest of all occurrences of a pair. What a pair
    is worth besides says how often it continues where the phrase before ended.

    Args:
        source: source sentences.
        target: target sentences.
        alignment: of their words.
        source_vocabulary_size: number of source words.

    Returns:
        The most probable translations of each source phrase.

    Reference:
        Koehn, Och & Marcu 2003, "Statistical phrase-based translation", sections 2.1 and 3.
        Johnson, Martin, Foster & Kuhn 2007, "Improving translation quality by discarding most of
        the phrasetable", section 3 (pairs of phrases that each occur once are chance). Differs:
        short ones are kept.
    """
    found = extract(source, target, alignment)
    pairs = _count(source, target, found)
    backward = Alignment(alignment.targets, alignment.sources)
    orders = orientations(source, target, alignment, found)
    features = np.column_stack(
        [
            np.log(_share(pairs.counts, pairs.targets)),
            _largest(pairs, lexical_weights(target, source, backward, found.sources)),
            np.log(_share(pairs.counts, pairs.sources)),
            _largest(pairs, lexical_weights(source, target, alignment, found.targets)),
            _orientation_logs(pairs, orders),
        ]
    ).astype(np.float32)
    kept = _best(pairs, features, _usable(pairs, found.sources.lengths[pairs.examples]))
    examples = pairs.examples[kept]
    return PhraseTable.build(
        source_vocabulary_size,
        _padded(source, found.sources.choose(examples)),
        _packed(target, found.targets.choose(examples)),
        features[kept],
    )


def _count(source: Sentences, target: Sentences, found: PhrasePairs) -> PairCounts:
    sources = _phrase_numbers(source, found.sources)
    targets = _phrase_numbers(target, found.targets)
    span = int(targets.max()) + 1
    keys, examples, kinds, counts = np.unique(
        sources * span + targets, return_index=True, return_inverse=True, return_counts=True
    )
    return PairCounts(keys // span, keys % span, counts, examples, kinds)


def _phrase_numbers(sentences: Sentences, spans: Spans) -> Int[np.ndarray, " spans"]:
    """Number the phrases of spans, the same phrases alike."""
    size = int(sentences.tokens.max()) + 1
    numbers = np.empty(len(spans.starts), dtype=np.int64)
    own, offset = sentences.tokens, 0
    for length in range(1, LONGEST_PHRASE + 1):
        chosen = spans.lengths == length
        numbers[chosen] = offset + own[spans.starts[chosen]]
        offset += int(own.max()) + 1
        # Phrases that run beyond their sentence get numbers too, which nothing asks for.
        _, own = np.unique(own * size + np.roll(sentences.tokens, -length), return_inverse=True)
    return numbers


def _share(
    counts: Int[np.ndarray, " pairs"], of: Int[np.ndarray, " pairs"]
) -> Float[np.ndarray, " pairs"]:
    return counts / np.bincount(of, counts)[of]


def _largest(
    pairs: PairCounts, values: Float[np.ndarray, " occurrences"]
) -> Float[np.ndarray, " pairs"]:
    largest = np.full(len(pairs.counts), -np.inf)
    np.maximum.at(largest, pairs.kinds, values)
    return largest


def _orientation_logs(
    pairs: PairCounts, orders: Int[np.ndarray, " occurrences"]
) -> Float[np.ndarray, "pairs orientations"]:
    """Return the log-probabilities of orientations, drawn towards those of all pairs."""
    kinds = DISCONTINUOUS + 1
    counts = np.bincount(pairs.kinds * kinds + orders, minlength=len(pairs.counts) * kinds)
    counts = counts.reshape(-1, kinds)
    prior = (counts.sum(axis=0) + 1) / (counts.sum() + kinds)
    shares = (counts + ORIENTATION_PRIOR * prior) / (pairs.counts + ORIENTATION_PRIOR)[:, None]
    return np.log(shares)


def _usable(pairs: PairCounts, lengths: Int[np.ndarray, " pairs"]) -> Bool[np.ndarray, " pairs"]:
    """Tell which pairs are short, or made of phrases that occur again."""
    once = [np.bincount(of, pairs.counts)[of] == 1 for of in (pairs.sources, pairs.targets)]
    return (lengths <= LONGEST_SINGLETON) | ~(once[0] & once[1])


def _best(
    pairs: PairCounts,
    features: Float[np.ndarray, "pairs features"],
    usable: Bool[np.ndarray, " pairs"],
) -> Int[np.ndarray, " kept"]:
    """Choose the best translations of each source phrase by all four probabilities."""
    order = np.lexsort((-features[:, :4].sum(axis=1), pairs.sources))
    _, counts = np.unique(pairs.sources, return_counts=True)
    # A pair that is dropped is the only one of its source phrase, so none moves up.
    return order[(ranges(counts) < MOST_OPTIONS) & usable[order]]


def _padded(sentences: Sentences, spans: Spans) -> Int[np.ndarray, "spans words"]:
    inside = np.arange(LONGEST_PHRASE) < spans.lengths[:, None]
    places = np.where(inside, spans.starts[:, None] + np.arange(LONGEST_PHRASE), 0)
    return np.where(inside, sentences.tokens[places], -1)


def _packed(sentences: Sentences, spans: Spans) -> Sentences:
    places = np.repeat(spans.starts, spans.lengths) + ranges(spans.lengths)
    return Sentences(sentences.tokens[places], np.concatenate([[0], np.cumsum(spans.lengths)]))
