"""Phrase pairs against their definition, against nltk, and what is counted of them."""

from collections import Counter, defaultdict
from itertools import combinations, product
from math import exp, log

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nltk.translate.phrase_based import phrase_extraction

from elman.statistical.phrase_based.corpus import Sentences
from elman.statistical.phrase_based.estimation import LONGEST_SINGLETON, build_phrase_table
from elman.statistical.phrase_based.extraction import (
    DISCONTINUOUS,
    LONGEST_PHRASE,
    MONOTONE,
    SWAP,
    Alignment,
    extract,
    orientations,
)
from elman.statistical.phrase_based.lexical_weights import lexical_weights

EMPTY = "nothing"


@st.composite
def aligned(draw, longest: int = 9, sizes: int = 4):
    """Source words, target words and points of an alignment."""
    source = draw(st.lists(st.integers(0, sizes), min_size=1, max_size=longest))
    target = draw(st.lists(st.integers(0, sizes), min_size=1, max_size=longest))
    cells = st.tuples(st.integers(0, len(source) - 1), st.integers(0, len(target) - 1))
    return source, target, sorted(draw(st.sets(cells, max_size=10)))


def packed(corpus) -> tuple[Sentences, Sentences, Alignment]:
    source = Sentences.pack([s for s, _, _ in corpus])
    target = Sentences.pack([t for _, t, _ in corpus])
    points = [
        (source.starts[k] + i, target.starts[k] + j)
        for k, (_, _, own) in enumerate(corpus)
        for i, j in own
    ]
    places = np.array(points, dtype=np.int64).reshape(-1, 2)
    return source, target, Alignment(places[:, 0], places[:, 1])


def spans(pairs) -> list[tuple[int, int, int, int]]:
    """First and last words of both sides, by place in the corpus."""
    (starts, lengths), (firsts, sizes) = pairs
    return list(
        zip(*(a.tolist() for a in (starts, starts + lengths, firsts, firsts + sizes)), strict=True)
    )


def agrees(points, s: int, e: int, t: int, u: int) -> bool:
    inside = [(s <= i < e, t <= j < u) for i, j in points]
    return (True, True) in inside and all(a == b for a, b in inside)


def by_definition(source, target, points) -> set[tuple[int, int, int, int]]:
    def ranges(length):
        return [
            (a, b) for a in range(length) for b in range(a + 1, min(length, a + LONGEST_PHRASE) + 1)
        ]

    return {
        (*s, *t)
        for s, t in product(ranges(len(source)), ranges(len(target)))
        if agrees(points, *s, *t)
    }


@settings(max_examples=100)
@given(st.lists(aligned(), min_size=1, max_size=3))
def test_all_pairs_that_agree_are_found_once(corpus):
    source, target, alignment = packed(corpus)
    wanted = [
        (a + source.starts[k], b + source.starts[k], c + target.starts[k], d + target.starts[k])
        for k, sentence in enumerate(corpus)
        for a, b, c, d in by_definition(*sentence)
    ]
    assert sorted(spans(extract(source, target, alignment))) == sorted(wanted)


@given(aligned(longest=6))
def test_equals_nltk(sentence):
    source, target, points = sentence
    texts = [" ".join(map(str, words)) for words in (source, target)]
    theirs = {(*s, *t) for s, t, _, _ in phrase_extraction(*texts, points)}
    assert set(spans(extract(*packed([sentence])))) == theirs


def test_orientations_by_hand():
    # a b c d -> A C B D, each word alone; then the second sentence starts.
    corpus = [([0, 1, 2, 3], [5, 7, 6, 8], [(0, 0), (1, 2), (2, 1), (3, 3)]), ([0], [5], [(0, 0)])]
    source, target, alignment = packed(corpus)
    pairs = extract(source, target, alignment)
    found = dict(
        zip(spans(pairs), orientations(source, target, alignment, pairs).tolist(), strict=True)
    )
    assert found[0, 1, 0, 1] == MONOTONE
    assert found[2, 3, 1, 2] == DISCONTINUOUS
    assert found[1, 2, 2, 3] == SWAP
    assert found[3, 4, 3, 4] == DISCONTINUOUS
    assert found[1, 3, 1, 3] == MONOTONE
    assert found[1, 4, 1, 4] == MONOTONE
    assert found[4, 5, 4, 5] == MONOTONE


def word_table(corpus) -> dict:
    """w(e | f), unaligned e from the empty word."""
    counts = Counter()
    for source, target, points in corpus:
        for j, word in enumerate(target):
            counts.update((word, source[i]) for i, other in points if other == j)
            if all(other != j for _, other in points):
                counts[word, EMPTY] += 1
    totals = Counter()
    for (_, source), count in counts.items():
        totals[source] += count
    return {pair: count / totals[pair[1]] for pair, count in counts.items()}


def weight(words, corpus_entry, t: int, u: int) -> float:
    source, target, points = corpus_entry
    total = 0.0
    for j in range(t, u):
        partners = [source[i] for i, other in points if other == j] or [EMPTY]
        total += log(sum(words[target[j], partner] for partner in partners) / len(partners))
    return total


@given(st.lists(aligned(longest=5), min_size=1, max_size=3))
def test_lexical_weights_equal_their_equation(corpus):
    source, target, alignment = packed(corpus)
    pairs = extract(source, target, alignment)
    found = lexical_weights(source, target, alignment, pairs.targets)
    words = word_table(corpus)
    for value, (_, _, t, u) in zip(found, spans(pairs), strict=True):
        sentence = np.searchsorted(target.starts, t, side="right") - 1
        first = target.starts[sentence]
        assert value == pytest.approx(weight(words, corpus[sentence], t - first, u - first))


def counted(corpus) -> dict[tuple, dict[tuple, list[float]]]:
    """Both relative frequencies and both lexical weights of phrase pairs, one at a time."""
    forward, counts = word_table(corpus), Counter()
    turned = [(t, s, [(j, i) for i, j in points]) for s, t, points in corpus]
    backward, lexical = word_table(turned), defaultdict(lambda: (-np.inf, -np.inf))
    for sentence, other in zip(corpus, turned, strict=True):
        for a, b, c, d in by_definition(*sentence):
            pair = tuple(sentence[0][a:b]), tuple(sentence[1][c:d])
            counts[pair] += 1
            there, back = weight(backward, other, a, b), weight(forward, sentence, c, d)
            lexical[pair] = max(lexical[pair][0], there), max(lexical[pair][1], back)
    sources, targets = Counter(), Counter()
    for (f, e), count in counts.items():
        sources[f] += count
        targets[e] += count
    table = defaultdict(dict)
    for (f, e), count in counts.items():
        if sources[f] == targets[e] == 1 and len(f) > LONGEST_SINGLETON:
            continue
        there, back = lexical[f, e]
        table[f][e] = [log(count / targets[e]), there, log(count / sources[f]), back]
    return table


@settings(max_examples=30)
@given(st.lists(aligned(longest=5), min_size=1, max_size=4).filter(lambda c: any(p for *_, p in c)))
def test_the_table_equals_counts_in_dictionaries(corpus):
    table = build_phrase_table(*packed(corpus), source_vocabulary_size=5)
    wanted = counted(corpus)
    for source, _, _ in corpus:
        parts = combinations(range(len(source) + 1), 2)
        known = {(a, b) for a, b in parts if tuple(source[a:b]) in wanted}
        assert {(found.start, found.end) for found in table.find(source)} == known
        for found in table.find(source):
            own = wanted[tuple(source[found.start : found.end])]
            assert found.last - found.first == len(own)
            for row in range(found.first, found.last):
                start, end = table.targets.starts[row : row + 2]
                values = own[tuple(table.targets.tokens[start:end].tolist())]
                np.testing.assert_allclose(table.features[row, :4], values, rtol=1e-5, atol=1e-6)
                assert sum(map(exp, table.features[row, 4:].tolist())) == pytest.approx(1, rel=1e-5)


def test_parts_with_translations_are_found_and_others_are_not():
    corpus = [([0, 1, 2], [0, 1, 2], [(0, 0), (1, 1), (2, 2)])]
    table = build_phrase_table(*packed(corpus), source_vocabulary_size=3)
    parts = [(found.start, found.end) for found in table.find([1, 2, -1, 0, 2])]
    assert sorted(parts) == [(0, 1), (0, 2), (1, 2), (3, 4), (4, 5)]
    restored = table.from_arrays(table.arrays())
    assert list(restored.find([1, 2, 0])) == list(table.find([1, 2, 0]))
    np.testing.assert_array_equal(restored.features, table.features)
    assert list(table.find([])) == []
