"""Counting a phrase-based model: aligned words, phrases, and an n-gram model."""

import warnings
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from elman.statistical.kneser_ney import KneserNey
from elman.statistical.phrase_based.corpus import Sentences
from elman.statistical.phrase_based.estimation import build_phrase_table
from elman.statistical.phrase_based.extraction import Alignment
from elman.statistical.phrase_based.features import START_WEIGHTS
from elman.statistical.phrase_based.hmm_alignment import align
from elman.statistical.phrase_based.language import Language
from elman.statistical.phrase_based.model import PhraseModel
from elman.statistical.phrase_based.symmetrization import grow_diag_final_and

LONGEST_SENTENCE = 100
"""Words of sentences that are learnt from; the work grows with the square."""


class WordPair(NamedTuple):
    """A sentence and its translation.

    Args:
        source: its words.
        target: words of the translation.
    """

    source: list[str]
    target: list[str]


class AlignedPair(NamedTuple):
    """A sentence pair with its word alignment.

    Args:
        words: the sentences.
        points: pairs of a source and a target position.
    """

    words: WordPair
    points: list[tuple[int, int]]


def align_pairs(pairs: Sequence[WordPair], source: Language, target: Language) -> list[AlignedPair]:
    """Align the words of sentence pairs, in both directions, and join the two alignments.

    Args:
        pairs: the sentences.
        source: words of the sources.
        target: words of the targets.

    Returns:
        The pairs, without those that are empty on one side or too long.

    Warns:
        UserWarning: if pairs are left out; says how many.

    Raises:
        ValueError: if no pair is left.
    """
    kept = [pair for pair in pairs if all(0 < len(side) <= LONGEST_SENTENCE for side in pair)]
    if not kept:
        raise ValueError(
            f"align_pairs expects sentences of 1 to {LONGEST_SENTENCE} words, got none such pair."
        )
    if len(kept) < len(pairs):
        warnings.warn(
            f"{len(pairs) - len(kept)} of {len(pairs)} pairs are empty on one side or have more "
            f"than {LONGEST_SENTENCE} words: they are not learnt from.",
            stacklevel=2,
        )
    sources = Sentences.pack([source.encode(pair.source) for pair in kept])
    targets = Sentences.pack([target.encode(pair.target) for pair in kept])
    forward, backward = align(sources, targets), align(targets, sources)
    aligned = []
    for place, pair in enumerate(kept):
        there = forward[targets.starts[place] : targets.starts[place + 1]].tolist()
        back = backward[sources.starts[place] : sources.starts[place + 1]].tolist()
        points = grow_diag_final_and(
            ((i, j) for j, i in enumerate(there) if i >= 0),
            ((i, j) for i, j in enumerate(back) if j >= 0),
        )
        aligned.append(AlignedPair(pair, sorted(points)))
    return aligned


def count_model(
    pairs: Sequence[AlignedPair], source: Language, target: Language, order: int
) -> PhraseModel:
    """Estimate a phrase table and an n-gram model of aligned sentences.

    Args:
        pairs: the sentences.
        source: words of the sources.
        target: words of the targets.
        order: words of the longest n-grams.

    Returns:
        The model, its weights those before tuning.
    """
    sources = Sentences.pack([source.encode(pair.words.source) for pair in pairs])
    targets = Sentences.pack([target.encode(pair.words.target) for pair in pairs])
    points = [np.array(pair.points, dtype=np.int64).reshape(-1, 2) for pair in pairs]
    counts = [len(own) for own in points]
    together = np.concatenate(points)
    alignment = Alignment(
        together[:, 0] + np.repeat(sources.starts[:-1], counts),
        together[:, 1] + np.repeat(targets.starts[:-1], counts),
    )
    stream = np.insert(targets.tokens, targets.starts[1:], target.end)
    return PhraseModel(
        source,
        target,
        build_phrase_table(sources, targets, alignment, source.size),
        KneserNey.fit(stream, order=order, vocabulary_size=target.size, boundary=target.end),
        START_WEIGHTS,
    )
