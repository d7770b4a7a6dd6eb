"""The decoder against all translations of small sentences, and the n-gram model word by word."""

from itertools import combinations, islice, pairwise, permutations, product

import numpy as np
import pytest

from elman.statistical import KneserNey
from elman.statistical.phrase_based.corpus import Sentences
from elman.statistical.phrase_based.extraction import DISCONTINUOUS, MONOTONE, SWAP
from elman.statistical.phrase_based.features import FEATURES, START_WEIGHTS
from elman.statistical.phrase_based.language_model import WordByWord
from elman.statistical.phrase_based.n_best import best_translations, feature_values
from elman.statistical.phrase_based.options import gather_options
from elman.statistical.phrase_based.phrase_table import TABLE_FEATURES, PhraseTable
from elman.statistical.phrase_based.stack_decoder import Limits, StackDecoder

END, UNKNOWN = 6, 7
EVERYTHING = Limits(stack=10**6, threshold=np.inf, distortion=100)


def language_model(order: int = 3) -> KneserNey:
    generator = np.random.default_rng(5)
    text = generator.integers(0, END, 400)
    text[::7] = END
    return KneserNey.fit(text, order=order, vocabulary_size=8, boundary=END)


def phrase_table() -> PhraseTable:
    """Two or three translations of all words and of some longer phrases."""
    generator = np.random.default_rng(6)
    phrases = [(0,), (1,), (2,), (3,), (0, 1), (1, 2), (2, 3), (0, 1, 2), (3, 0)]
    pairs = [(phrase, generator.integers(0, END, size)) for phrase in phrases for size in (1, 2)]
    pairs = pairs[:-1]
    sources = np.array([[*phrase, -1, -1][:3] for phrase, _ in pairs])
    features = generator.uniform(-3, 0, (len(pairs), len(TABLE_FEATURES)))
    targets = Sentences.pack([target.tolist() for _, target in pairs])
    return PhraseTable.build(4, sources, targets, features.astype(np.float32))


@pytest.mark.parametrize("order", [1, 2, 4])
def test_the_language_model_gives_the_same_numbers_word_by_word(order):
    model = language_model(order)
    stepwise = WordByWord(model)
    stream = np.random.default_rng(8).integers(0, END, 100)
    stream[[9, 30]] = UNKNOWN  # was never seen
    context, scores = stepwise.start, []
    for word in stream.tolist():
        score, context = stepwise.advance(context, word)
        assert len(context) < order
        scores.append(score)
    whole = model.log_probability(model.contexts(stream), stream)
    np.testing.assert_allclose(scores, whole, rtol=1e-12)


def segmentations(length: int):
    """All ways to cut a sentence into parts, in all orders."""
    for cuts in product([False, True], repeat=length - 1):
        bounds = [0, *(i + 1 for i, cut in enumerate(cuts) if cut), length]
        parts = list(pairwise(bounds))
        yield from permutations(parts)


def furthest_gap(parts, length: int) -> int:
    """How far any part ends from the first word that is not translated by then."""
    covered, furthest = set(), 0
    for start, end in parts:
        covered.update(range(start, end))
        gap = min(set(range(length + 1)) - covered)
        furthest = max(furthest, abs(gap - end)) if gap < length else furthest
    return furthest


def every_translation(sentence, table, model, limit: int = 100):
    """Target words and features of all derivations, by the equations of the features."""
    rows = {}
    for found in table.find(sentence):
        rows[found.start, found.end] = range(found.first, found.last)
    for parts in segmentations(len(sentence)):
        if not all(part in rows for part in parts):
            continue
        jumps = [s - e for (s, _), (_, e) in zip(parts, [(-1, 0), *parts], strict=False)]
        if any(abs(jump) > limit for jump in jumps) or furthest_gap(parts, len(sentence)) > limit:
            continue
        for chosen in product(*(rows[part] for part in parts)):
            values = np.zeros(len(FEATURES))
            words, before = [], (-1, 0)
            for row, part in zip(chosen, parts, strict=True):
                start, end = table.targets.starts[row : row + 2]
                words += table.targets.tokens[start:end].tolist()
                values[:4] += table.features[row, :4]
                kind = (
                    MONOTONE
                    if part[0] == before[1]
                    else SWAP
                    if part[1] == before[0]
                    else DISCONTINUOUS
                )
                values[4 + kind] += table.features[row, 4 + kind]
                before = part
            stream = np.array([*words, END])
            log_prob = model.log_probability(model.contexts(stream), stream).sum()
            values[7:] = len(parts), len(words), -sum(map(abs, jumps)), log_prob
            yield tuple(words), values


def decode(sentence, weights, limits=EVERYTHING):
    table, scorer = phrase_table(), WordByWord(language_model())
    options = gather_options(sentence, [UNKNOWN] * len(sentence), table, scorer, weights)
    return StackDecoder(scorer, END, weights, limits).decode(options)


@pytest.mark.parametrize("sentence", [[0], [3, 0], [0, 1, 2], [2, 3, 0, 1]])
def test_all_translations_come_in_the_order_of_their_scores(sentence):
    weights = np.random.default_rng(9).uniform(0.1, 1, len(FEATURES))
    table = phrase_table()
    wanted = [
        (values @ weights, words, values)
        for words, values in every_translation(sentence, table, language_model())
    ]
    wanted.sort(key=lambda entry: -entry[0])
    found = list(best_translations(decode(sentence, weights)))
    assert len(found) == len(wanted)
    np.testing.assert_allclose([t.score for t in found], [score for score, _, _ in wanted])
    assert sorted(t.words for t in found) == sorted(words for _, words, _ in wanted)
    assert found[0].words == wanted[0][1]
    np.testing.assert_allclose(feature_values(found[0], table), wanted[0][2], rtol=1e-6)
    for translation in found:
        values = feature_values(translation, table)
        assert values @ weights == pytest.approx(translation.score)


@pytest.mark.parametrize("limit", [0, 1, 2])
def test_no_jump_is_longer_than_the_limit_and_the_best_of_the_others_is_found(limit):
    sentence = [2, 3, 0, 1, 2]
    weights = START_WEIGHTS.copy()
    weights[FEATURES.index("distortion")] = -1  # jumping pays
    found = next(
        best_translations(decode(sentence, weights, EVERYTHING._replace(distortion=limit)))
    )
    parts = [(arc.option.start, arc.option.end) for arc in found.arcs if arc.option]
    jumps = [start - end for (start, _), (_, end) in zip(parts, [(-1, 0), *parts], strict=False)]
    assert max(map(abs, jumps)) <= limit
    possible = every_translation(sentence, phrase_table(), language_model(), limit)
    assert found.score == pytest.approx(max(values @ weights for _, values in possible))


def test_a_narrow_search_finds_less_and_never_more():
    sentence = [0, 1, 2, 3, 0, 1, 2]
    best = decode(sentence, START_WEIGHTS).score
    narrow = [decode(sentence, START_WEIGHTS, Limits(stack=size)).score for size in (1, 5, 200)]
    assert narrow == sorted(narrow)
    assert narrow[0] < best
    assert narrow[-1] == pytest.approx(best)
    assert decode(sentence, START_WEIGHTS, Limits(threshold=0.0)).score <= best


def test_unknown_words_are_copied():
    table, scorer = phrase_table(), WordByWord(language_model())
    options = gather_options([0, -1], [UNKNOWN, UNKNOWN], table, scorer, START_WEIGHTS)
    end = StackDecoder(scorer, END, START_WEIGHTS, Limits()).decode(options)
    best = next(best_translations(end))
    assert UNKNOWN in best.words
    assert feature_values(best, table) @ START_WEIGHTS == pytest.approx(best.score)


def test_ties_do_not_grow_side_by_side():
    sentence, weights = [0, 1, 2, 3] * 6, np.zeros(len(FEATURES))
    scorer = WordByWord(language_model(order=1))  # without contexts, all ways recombine
    options = gather_options(sentence, [UNKNOWN] * 24, phrase_table(), scorer, weights)
    end = StackDecoder(scorer, END, weights, Limits(distortion=0)).decode(options)
    found = list(islice(best_translations(end), 3))
    assert [translation.score for translation in found] == [0, 0, 0]


def test_future_costs_are_the_best_of_all_ways_to_cut():
    sentence = [3, 0, 1, 2]
    table, model, weights = phrase_table(), language_model(), START_WEIGHTS
    best = {}
    for found in table.find(sentence):
        for row in range(found.first, found.last):
            start, end = table.targets.starts[row : row + 2]
            words = table.targets.tokens[start:end]
            contexts = [[-1, *words[:place]][-2:] for place in range(len(words))]
            padded = np.array([[-1] * (2 - len(context)) + context for context in contexts])
            score = table.features[row, :4] @ weights[:4] + weights[7] + weights[8] * len(words)
            score += weights[10] * model.log_probability(padded, words).sum()
            part = found.start, found.end
            best[part] = max(best.get(part, -np.inf), score)
    options = gather_options(sentence, [UNKNOWN] * 4, table, WordByWord(model), weights)
    for start, end in combinations(range(5), 2):
        ways = {tuple(sorted(parts)) for parts in segmentations(end - start)}
        sums = [sum(best.get((a + start, b + start), -np.inf) for a, b in way) for way in ways]
        assert options.future[start][end] == pytest.approx(max(sums), rel=1e-6)
