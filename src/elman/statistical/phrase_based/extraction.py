"""Phrase pairs that agree with a word alignment, of a whole corpus at once."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Int

from elman.statistical.phrase_based.corpus import Sentences

LONGEST_PHRASE = 7
MONOTONE, SWAP, DISCONTINUOUS = range(3)


class Alignment(NamedTuple):
    """The points of a word alignment, by places in the token arrays of a corpus.

    Args:
        sources: places of source words.
        targets: places of target words.
    """

    sources: Int[np.ndarray, " points"]
    targets: Int[np.ndarray, " points"]


class Spans(NamedTuple):
    """Where phrases stand.

    Args:
        starts: places of first words.
        lengths: words of each.
    """

    starts: Int[np.ndarray, " spans"]
    lengths: Int[np.ndarray, " spans"]

    def choose(self, chosen: Bool[np.ndarray, " spans"] | Int[np.ndarray, " chosen"]) -> "Spans":
        """Return some of them.

        Args:
            chosen: which.
        """
        return Spans(self.starts[chosen], self.lengths[chosen])


class PhrasePairs(NamedTuple):
    """Occurrences of phrase pairs.

    Args:
        sources: where the source phrases stand.
        targets: where the target phrases stand.
    """

    sources: Spans
    targets: Spans


def extract(source: Sentences, target: Sentences, alignment: Alignment) -> PhrasePairs:
    """Find all phrase pairs that agree with an alignment.

    A pair agrees if it has a point, and no point joins a word inside to one outside. Words
    without points may be inside or at the edges.

    Args:
        source: source sentences.
        target: target sentences, as many.
        alignment: of their words.

    Returns:
        Every occurrence of a phrase pair of up to `LONGEST_PHRASE` words on each side.

    Reference:
        Och & Ney 2004, "The alignment template approach to statistical machine translation",
        section 3.2; the search is in Koehn 2010, "Statistical machine translation", figure 5.5.
    """
    loose = np.bincount(alignment.targets, minlength=len(target.tokens)) == 0
    return _with_loose_edges(_cores(source, target, alignment), *_loose_runs(target, loose))


def _cores(source: Sentences, target: Sentences, alignment: Alignment) -> PhrasePairs:
    """Find the phrase pairs whose target phrases start and end with aligned words."""
    firsts, lasts = _shortest_spans(
        *_reach(len(source.tokens), alignment.sources, alignment.targets)
    )
    back_firsts, back_lasts = _shortest_spans(
        *_reach(len(target.tokens), alignment.targets, alignment.sources)
    )
    room = source.starts[1:][source.owners] - np.arange(len(source.tokens))
    found = []
    for length in range(1, LONGEST_PHRASE + 1):
        low, high = firsts[length - 1], lasts[length - 1]
        starts = np.flatnonzero((room >= length) & (low <= high) & (high - low < LONGEST_PHRASE))
        low, size = low[starts], (high - low)[starts] + 1
        inside = (back_firsts[size - 1, low] >= starts) & (
            back_lasts[size - 1, low] < starts + length
        )
        found.append((starts[inside], np.full(inside.sum(), length), low[inside], size[inside]))
    starts, lengths, low, size = map(np.concatenate, zip(*found, strict=True))
    return PhrasePairs(Spans(starts, lengths), Spans(low, size))


def _reach(
    count: int, words: Int[np.ndarray, " points"], partners: Int[np.ndarray, " points"]
) -> tuple[Int[np.ndarray, " tokens"], Int[np.ndarray, " tokens"]]:
    """Return the first and last partner of each word; first is beyond last where it has none."""
    first = np.full(count, np.iinfo(np.int64).max)
    last = np.full(count, -1)
    np.minimum.at(first, words, partners)
    np.maximum.at(last, words, partners)
    return first, last


def _shortest_spans(
    first: Int[np.ndarray, " tokens"], last: Int[np.ndarray, " tokens"]
) -> tuple[Int[np.ndarray, "lengths tokens"], Int[np.ndarray, "lengths tokens"]]:
    """Return the first and last partner of the 1, 2, ... words from each place on.

    Spans that run beyond their sentence have no meaning.
    """
    firsts, lasts = [first], [last]
    for _ in range(LONGEST_PHRASE - 1):
        # A span is its first word and the span one shorter from the next place on.
        firsts.append(np.minimum(first, np.roll(firsts[-1], -1)))
        lasts.append(np.maximum(last, np.roll(lasts[-1], -1)))
    return np.stack(firsts), np.stack(lasts)


def _loose_runs(
    sentences: Sentences, loose: Bool[np.ndarray, " tokens"]
) -> tuple[Int[np.ndarray, " tokens"], Int[np.ndarray, " tokens"]]:
    """Count the words without points right before and right after each word."""
    places = np.arange(len(loose))
    starts = sentences.starts[:-1][sentences.owners]
    ends = sentences.starts[1:][sentences.owners]
    last_tied = np.maximum.accumulate(np.where(loose, -1, places))
    next_tied = np.minimum.accumulate(np.where(loose, len(loose), places)[::-1])[::-1]
    previous = np.concatenate([[-1], last_tied[:-1]])
    following = np.concatenate([next_tied[1:], [len(loose)]])
    before = places - 1 - np.maximum(previous, starts - 1)
    return before, np.minimum(following, ends) - 1 - places


def _with_loose_edges(
    cores: PhrasePairs,
    before: Int[np.ndarray, " tokens"],
    after: Int[np.ndarray, " tokens"],
) -> PhrasePairs:
    """Add what becomes of the target phrases with loose words at their edges."""
    starts, lengths = cores.targets
    ends = starts + lengths - 1
    chosen, firsts, sizes = [], [], []
    for left in range(LONGEST_PHRASE):
        for right in range(LONGEST_PHRASE - left):
            size = lengths + left + right
            fits = (before[starts] >= left) & (after[ends] >= right) & (size <= LONGEST_PHRASE)
            chosen.append(np.flatnonzero(fits))
            firsts.append(starts[fits] - left)
            sizes.append(size[fits])
    targets = Spans(np.concatenate(firsts), np.concatenate(sizes))
    return PhrasePairs(cores.sources.choose(np.concatenate(chosen)), targets)


def orientations(
    source: Sentences, target: Sentences, alignment: Alignment, pairs: PhrasePairs
) -> Int[np.ndarray, " pairs"]:
    """Tell how each phrase stands to what comes before it in the target sentence.

    Args:
        source: source sentences.
        target: target sentences.
        alignment: of their words.
        pairs: occurrences of phrase pairs.

    Returns:
        `MONOTONE` where the target word before comes from the source word before, `SWAP` where it
        comes from the source word after, else `DISCONTINUOUS`.

    Reference:
        Koehn, Axelrod, Birch Mayne, Callison-Burch, Osborne & Talbot 2005, "Edinburgh system
        description for the 2005 IWSLT speech translation evaluation", section 3.1. Differs: only
        the orientation to the phrase before is counted.
    """
    width = len(target.tokens)
    points = np.unique(alignment.sources * width + alignment.targets)
    starts, befores = pairs.sources.starts, pairs.targets.starts - 1
    opens = np.isin(pairs.targets.starts, target.starts)
    follows = starts + pairs.sources.lengths
    closes = np.isin(follows, source.starts)
    both_open = opens & np.isin(starts, source.starts)
    monotone = ~opens & ~np.isin(starts, source.starts)
    monotone &= np.isin((starts - 1) * width + befores, points)
    swap = ~opens & ~closes & np.isin(follows * width + befores, points)
    return np.select([both_open | monotone, swap], [MONOTONE, SWAP], DISCONTINUOUS)
