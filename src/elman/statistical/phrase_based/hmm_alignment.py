"""Word alignment by a hidden Markov model whose states are the positions of source words."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from elman.statistical.phrase_based.corpus import Sentences
from elman.statistical.phrase_based.ibm1 import Links, link_words, normalise, train_ibm1

EMPTY_SHARE = 0.2
"""Probability that a target word comes from the empty word."""
UNIFORM_SHARE = 0.2
"""What each jump has of the uniform distribution."""
LARGEST_BATCH = 2_000_000
"""Links worked on at once, which bounds the memory."""


class AlignmentModel(NamedTuple):
    """What word alignment knows.

    Args:
        lexicon: probability of the target word given the source word, by word pair.
        jumps: weight of each jump from one source position to the next, -n ... n.
    """

    lexicon: Float[np.ndarray, " pairs"]
    jumps: Float[np.ndarray, " jumps"]


class Batch(NamedTuple):
    """Sentence pairs of the same two lengths.

    Args:
        sentences: which they are.
        pairs: the word pair of each link, the empty word first.
    """

    sentences: Int[np.ndarray, " batch"]
    pairs: Int[np.ndarray, "batch target source"]


def align(source: Sentences, target: Sentences) -> Int[np.ndarray, " tokens"]:
    """Align each target word to a source word.

    Args:
        source: the words that are translated.
        target: the words that translate them, as many sentences; none is empty.

    Returns:
        The position in its sentence of the source word that each target word comes from, -1 for
        the empty word.
    """
    links = link_words(source, target)
    batches = list(_batches(source, target, links))
    model = train_hmm(links, batches, train_ibm1(links, iterations=5), iterations=5)
    positions = np.empty(len(target.tokens), dtype=np.int64)
    for batch in batches:
        best = best_alignments(model.lexicon[batch.pairs], model.jumps)
        places = target.starts[batch.sentences][:, None] + np.arange(best.shape[1])
        positions[places] = best
    return positions


def train_hmm(
    links: Links,
    batches: list[Batch],
    lexicon: Float[np.ndarray, " pairs"],
    iterations: int,
) -> AlignmentModel:
    r"""Estimate the alignment model by expectation maximisation.

    $$ p(f, a \mid e) = \prod_j p(a_j \mid a_{j-1}, I)\, t(f_j \mid e_{a_j}), \quad
       p(i \mid i', I) = (1 - p_0)
       \Big( \frac{\alpha}{I + 1} + (1 - \alpha) \frac{c(i - i')}{\sum_l c(l - i')} \Big) $$

    A word of the empty word has the probability p_0 and leaves the position as it was.

    Args:
        links: of all sentence pairs.
        batches: the same links by sentence pair.
        lexicon: where the translation probabilities start.
        iterations: passes over the sentence pairs.

    Returns:
        The model.

    Reference:
        Vogel, Ney & Tillmann 1996, "HMM-based word alignment in statistical translation";
        Och & Ney 2003, "A systematic comparison of various statistical alignment models",
        section 2.1.1 (empty word, interpolation). Differs: jumps also lead from the place before
        the first source word and, after the last target word, to the place behind the last one.
    """
    longest = max(batch.pairs.shape[2] - 1 for batch in batches)
    model = AlignmentModel(lexicon, np.ones(2 * longest + 3))
    for _ in range(iterations):
        counts = np.zeros(len(links.sources))
        jumps = np.zeros_like(model.jumps)
        for batch in batches:
            posteriors, moved = expectations(model.lexicon[batch.pairs], model.jumps)
            counts += np.bincount(batch.pairs.ravel(), posteriors.ravel(), len(counts))
            jumps += moved
        model = AlignmentModel(normalise(links, counts), jumps)
    return model


class Moves(NamedTuple):
    """Probabilities of going from each source position, 0 being the place before the first.

    Args:
        between: to each position, words of the empty word left out; nothing leads to 0.
        end: to the place behind the last word.
    """

    between: Float[np.ndarray, "from to"]
    end: Float[np.ndarray, " from"]


def moves_among(jumps: Float[np.ndarray, " jumps"], length: int) -> Moves:
    """Return the probabilities of moves among the words of a sentence.

    Args:
        jumps: weight of each jump, -n ... n.
        length: source words.

    Returns:
        The probabilities; those from a position sum to one over all but the empty word.
    """
    positions = np.arange(length + 2)
    weights = jumps[positions - positions[:-1, None] + len(jumps) // 2]
    weights[:, 0] = 0
    shares = UNIFORM_SHARE / (length + 1) + (1 - UNIFORM_SHARE) * _shares(weights)
    shares[:, 0] = 0
    return Moves((1 - EMPTY_SHARE) * shares[:, :-1], shares[:, -1])


def expectations(
    emissions: Float[np.ndarray, "batch target source"], jumps: Float[np.ndarray, " jumps"]
) -> tuple[Float[np.ndarray, "batch target source"], Float[np.ndarray, " jumps"]]:
    """Return how probable each link is, and how often each jump is to be expected.

    Args:
        emissions: probability of each target word given each source word, the empty word first.
        jumps: weight of each jump.

    Returns:
        Probabilities of links, which sum to one over source words; expected jumps of all pairs.
    """
    batch, length, width = emissions.shape
    moves, end = moves_among(jumps, width - 1)
    reached = np.zeros((length + 1, batch, width))
    reached[0, :, 0] = 1
    scales = np.empty((length, batch, 1))
    for j in range(length):
        emission = emissions[:, j]
        total = (reached[j] @ moves) * emission + EMPTY_SHARE * reached[j] * emission[:, :1]
        scales[j] = total.sum(axis=1, keepdims=True)
        reached[j + 1] = total / scales[j]
    posteriors = np.empty_like(emissions)
    moved = np.zeros((width, width))
    sums = (reached[length] * end).sum(axis=1, keepdims=True)
    rest = end / sums
    for j in reversed(range(length)):
        arriving = emissions[:, j] * rest / scales[j]
        staying = EMPTY_SHARE * emissions[:, j, :1] * rest / scales[j]
        posteriors[:, j] = (reached[j] @ moves) * arriving
        posteriors[:, j, 0] = (reached[j] * staying).sum(axis=1)
        moved += reached[j].T @ arriving
        rest = arriving @ moves.T + staying
    ended = (reached[length] * end / sums).sum(axis=0)
    return posteriors, _by_width(np.column_stack([moved * moves, ended]), len(jumps))


def best_alignments(
    emissions: Float[np.ndarray, "batch target source"], jumps: Float[np.ndarray, " jumps"]
) -> Int[np.ndarray, "batch target"]:
    """Find the most probable alignment of each sentence pair.

    Args:
        emissions: probability of each target word given each source word, the empty word first.
        jumps: weight of each jump.

    Returns:
        The source position of each target word, from 0; -1 for the empty word.
    """
    batch, length, width = emissions.shape
    with np.errstate(divide="ignore"):  # nothing leads to the place before the first word
        moves, end = map(np.log, moves_among(jumps, width - 1))
        scores = np.log(emissions)
    best = np.full((batch, width), -np.inf)
    best[:, 0] = 0
    origins = np.empty((length, batch, width), dtype=np.int64)
    empty = np.empty((length, batch, width), dtype=bool)
    for j in range(length):
        candidates = best[:, :, None] + moves
        origins[j] = candidates.argmax(axis=1)
        moving = np.take_along_axis(candidates, origins[j][:, None], axis=1)[:, 0] + scores[:, j]
        staying = best + np.log(EMPTY_SHARE) + scores[:, j, :1]
        empty[j] = staying > moving
        best = np.where(empty[j], staying, moving)
    return _trace_back((best + end).argmax(axis=1), origins, empty)


def _shares(weights: Float[np.ndarray, "from to"]) -> Float[np.ndarray, "from to"]:
    # Jumps that never happened leave a row empty; then only the uniform share is left.
    return weights / np.maximum(weights.sum(axis=1, keepdims=True), np.finfo(float).tiny)


def _trace_back(
    last: Int[np.ndarray, " batch"],
    origins: Int[np.ndarray, "target batch source"],
    empty: Int[np.ndarray, "target batch source"],
) -> Int[np.ndarray, "batch target"]:
    rows, here = np.arange(len(last)), last
    found = np.empty((len(origins), len(last)), dtype=np.int64)
    for j in reversed(range(len(origins))):
        stays = empty[j, rows, here]
        found[j] = np.where(stays, -1, here - 1)
        here = np.where(stays, here, origins[j, rows, here])
    return found.T


def _by_width(moved: Float[np.ndarray, "from to"], count: int) -> Float[np.ndarray, " jumps"]:
    start, goal = np.indices(moved.shape)
    widths = goal - start + count // 2
    return np.bincount(widths.ravel(), moved.ravel(), count)


def _batches(source: Sentences, target: Sentences, links: Links) -> Iterator[Batch]:
    """Yield sentence pairs of the same lengths together, so that nothing is padded."""
    shapes = np.stack([target.lengths, source.lengths + 1], axis=1)
    kinds, numbers = np.unique(shapes, axis=0, return_inverse=True)
    for kind, (length, width) in enumerate(kinds.tolist()):
        members = np.flatnonzero(numbers.ravel() == kind)
        most = max(LARGEST_BATCH // (length * width), 1)
        for first in range(0, len(members), most):
            sentences = members[first : first + most]
            places = links.blocks[sentences][:, None] + np.arange(length * width)
            yield Batch(sentences, links.pairs[places].reshape(-1, length, width))
