"""Word alignment against sums over all alignments, and model 1 against nltk."""

from collections import Counter, defaultdict
from itertools import product

import numpy as np
import pytest
from nltk.translate import AlignedSent, IBMModel1

from elman.statistical.phrase_based.corpus import Sentences
from elman.statistical.phrase_based.hmm_alignment import (
    EMPTY_SHARE,
    UNIFORM_SHARE,
    align,
    best_alignments,
    expectations,
)
from elman.statistical.phrase_based.ibm1 import EMPTY, link_words, train_ibm1

PAIRS = [
    ([0, 1, 2], [0, 1]),
    ([0, 3], [0, 2, 2]),
    ([1], [1]),
    ([4, 3, 2, 0], [3, 2, 1, 0]),
    ([2, 0], [0, 1]),
]


def packed(pairs) -> tuple[Sentences, Sentences]:
    sources, targets = zip(*pairs, strict=True)
    return Sentences.pack(sources), Sentences.pack(targets)


def lexicon(pairs, iterations: int) -> dict[tuple[int, int], float]:
    links = link_words(*packed(pairs))
    found = train_ibm1(links, iterations)
    keys = zip(links.sources.tolist(), links.targets.tolist(), strict=True)
    return dict(zip(keys, found.tolist(), strict=True))


@pytest.mark.parametrize("iterations", [1, 2, 7])
def test_model_1_equals_nltk(iterations):
    # nltk counts a word that a target repeats twice too often.
    pairs = [(s, t) for s, t in PAIRS if len(set(t)) == len(t)]
    bitext = [AlignedSent([f"t{w}" for w in t], [f"s{w}" for w in s]) for s, t in pairs]
    theirs = IBMModel1(bitext, iterations).translation_table
    ours = lexicon(pairs, iterations)
    assert len(ours) > 10
    for (source, target), probability in ours.items():
        word = None if source == EMPTY else f"s{source}"
        assert probability == pytest.approx(theirs[f"t{target}"][word], rel=1e-9)


def test_model_1_equals_the_paper_where_words_repeat():
    table = defaultdict(lambda: 1.0)
    for _ in range(3):
        counts = Counter()
        for source, target in PAIRS:
            for word in target:
                total = sum(table[other, word] for other in [EMPTY, *source])
                for other in [EMPTY, *source]:
                    counts[other, word] += table[other, word] / total
        totals = Counter()
        for (source, _), count in counts.items():
            totals[source] += count
        table = {pair: count / totals[pair[0]] for pair, count in counts.items()}
    assert lexicon(PAIRS, 3) == pytest.approx(table, rel=1e-12)


def test_model_1_finds_the_dictionary():
    pairs = [([a, b], [a, b]) for a in range(4) for b in range(4) if a != b]
    found = lexicon(pairs, 30)
    assert all(found[word, word] > 0.95 for word in range(4))


def move(jumps, source: int, target: int, length: int) -> float:
    """Equation of the model, of positions from 0 (before the sentence) to length + 1."""
    weights = {i: jumps[i - source + len(jumps) // 2] for i in range(1, length + 2)}
    share = weights[target] / sum(weights.values())
    return UNIFORM_SHARE / (length + 1) + (1 - UNIFORM_SHARE) * share


def joint(emissions, jumps, alignment) -> tuple[float, list[int]]:
    """Probability of a sentence with an alignment (0 is the empty word), and its jumps."""
    length = emissions.shape[1] - 1
    probability, here, made = 1.0, 0, []
    for j, position in enumerate(alignment):
        if position == 0:
            probability *= EMPTY_SHARE * emissions[j, 0]
            continue
        probability *= (1 - EMPTY_SHARE) * move(jumps, here, position, length)
        probability *= emissions[j, position]
        made.append(position - here)
        here = position
    return probability * move(jumps, here, length + 1, length), [*made, length + 1 - here]


@pytest.mark.parametrize(("length", "width"), [(1, 1), (3, 2), (4, 3)])
def test_hidden_markov_model_equals_the_sum_over_all_alignments(length, width):
    generator = np.random.default_rng(length)
    emissions = generator.uniform(0.01, 1, (2, length, width + 1))
    jumps = generator.uniform(0.1, 1, 11)
    links, moved = expectations(emissions, jumps)
    best = best_alignments(emissions, jumps)
    expected_moves = np.zeros(11)
    for row in range(2):
        alignments = list(product(range(width + 1), repeat=length))
        scored = [joint(emissions[row], jumps, alignment) for alignment in alignments]
        total = sum(probability for probability, _ in scored)
        expected = np.zeros((length, width + 1))
        for alignment, (probability, made) in zip(alignments, scored, strict=True):
            expected[range(length), alignment] += probability / total
            for jump in made:
                expected_moves[jump + 5] += probability / total
        np.testing.assert_allclose(links[row], expected, rtol=1e-9)
        winner = alignments[int(np.argmax([probability for probability, _ in scored]))]
        assert (best[row] + 1).tolist() == list(winner)
    np.testing.assert_allclose(moved, expected_moves, rtol=1e-9, atol=1e-12)


def test_reordered_words_are_aligned():
    generator = np.random.default_rng(1)
    sources = [generator.permutation(12)[: generator.integers(3, 8)].tolist() for _ in range(300)]
    # The first two words change places; each word has one translation.
    pairs = [(s, [s[1] + 20, s[0] + 20, *(word + 20 for word in s[2:])]) for s in sources]
    found = align(*packed(pairs))
    wanted = [place for s in sources for place in (1, 0, *range(2, len(s)))]
    assert (found == wanted).mean() > 0.99
