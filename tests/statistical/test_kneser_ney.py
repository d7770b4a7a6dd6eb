"""The n-gram model against the paper's equations over dictionaries, and on the Penn Treebank."""

import os
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import load, save

from elman.errors import CheckpointError
from elman.statistical import KneserNey

DEFAULT_DATA = Path(__file__).parents[2] / ".." / "shared" / "data"
PENN_TREEBANK = Path(os.environ.get("ELMAN_DATA", DEFAULT_DATA)) / "ptb"
START = "<s>"


class PaperKneserNey:
    """Chen & Goodman's equations, one n-gram at a time, with a start symbol of its own."""

    def __init__(self, tokens, order, vocabulary_size, boundary):
        self.order, self.vocabulary_size, self.boundary = order, vocabulary_size, boundary
        sentences = [[]]
        for token in tokens:
            sentences[-1].append(token)
            if token == boundary:
                sentences.append([])
        raw = defaultdict(Counter)
        for sentence in sentences:
            padded = sentence if boundary is None else [START, *sentence]
            for length in range(1, order + 1):
                for first in range(len(padded) - length + 1):
                    raw[length][tuple(padded[first : first + length])] += 1
        del raw[1][(START,)]
        self.counts = {length: self.adjusted(raw, length) for length in range(1, order + 1)}
        self.discounts = {length: self.discount(self.counts[length]) for length in self.counts}

    def adjusted(self, raw, length):
        if length == self.order:
            return dict(raw[length])
        preceding = defaultdict(set)
        for ngram in raw[length + 1]:
            preceding[ngram[1:]].add(ngram[0])
        return {ngram: len(preceding[ngram]) or count for ngram, count in raw[length].items()}

    def discount(self, counts):
        n = [sum(count == r for count in counts.values()) for r in range(5)]
        if 0 in n[1:4]:
            return [0, 0.5, 1.0, 1.5]
        y = n[1] / (n[1] + 2 * n[2])
        discounts = [0, *(r - (r + 1) * y * n[r + 1] / n[r] for r in (1, 2, 3))]
        return discounts if min(discounts[1:]) > 0 else [0, 0.5, 1.0, 1.5]

    def probability(self, context, target):
        """`context` is oldest first and holds no more than order - 1 tokens."""
        length = len(context) + 1
        below = self.probability(context[1:], target) if context else 1 / self.vocabulary_size
        followers = {
            ngram[-1]: count
            for ngram, count in self.counts[length].items()
            if ngram[:-1] == tuple(context)
        }
        if not followers:
            return below
        discounts = self.discounts[length]
        total = sum(followers.values())
        reserved = sum(discounts[min(count, 3)] for count in followers.values())
        count = followers.get(target, 0)
        return (count - discounts[min(count, 3)] + reserved * below) / total

    def log_probabilities(self, tokens):
        """Of each token of a stream that starts with a sentence."""
        history = [] if self.boundary is None else [START]
        logs = []
        for token in tokens:
            context = history[max(len(history) - self.order + 1, 0) :]
            logs.append(np.log(self.probability(context, token)))
            history = [START] if token == self.boundary else [*history, token]
        return logs


@st.composite
def texts(draw):
    """Arguments of `fit` with a small vocabulary, and a second text over it."""
    vocabulary_size = draw(st.integers(1, 6))
    tokens = st.lists(st.integers(0, vocabulary_size - 1), min_size=1, max_size=60)
    return {
        "tokens": draw(tokens),
        "order": draw(st.integers(1, 5)),
        "vocabulary_size": vocabulary_size,
        "boundary": draw(st.none() | st.integers(0, vocabulary_size - 1)),
    }, draw(tokens)


def fit(tokens, **arguments) -> KneserNey:
    return KneserNey.fit(np.array(tokens), **arguments)


def score(model: KneserNey, tokens) -> np.ndarray:
    stream = np.array(tokens)
    return model.log_probability(model.contexts(stream), stream)


def zipf_text(length: int, vocabulary_size: int, seed: int) -> np.ndarray:
    weights = 1 / np.arange(1, vocabulary_size + 1)
    generator = np.random.default_rng(seed)
    return generator.choice(vocabulary_size, length, p=weights / weights.sum())


def random_contexts(count: int, width: int, vocabulary_size: int) -> np.ndarray:
    """Rows of random tokens, each with a random number of them missing on the left."""
    generator = np.random.default_rng(7)
    contexts = generator.integers(0, vocabulary_size, (count, width))
    contexts[np.arange(width) < generator.integers(0, width + 1, (count, 1))] = -1
    return contexts


@settings(max_examples=150, deadline=None)
@given(texts())
def test_equals_the_paper_on_small_texts(drawn):
    arguments, tokens = drawn
    paper = PaperKneserNey(**arguments)
    np.testing.assert_allclose(
        score(fit(**arguments), tokens), paper.log_probabilities(tokens), rtol=1e-11, atol=1e-11
    )


@pytest.mark.parametrize("boundary", [None, 2])
def test_equals_the_paper_with_estimated_discounts(boundary):
    arguments = {"order": 3, "vocabulary_size": 300, "boundary": boundary}
    tokens = zipf_text(2000, 300, seed=1)
    model, paper = fit(tokens, **arguments), PaperKneserNey(tokens.tolist(), **arguments)
    assert not np.isin(model.discounts, [0.5, 1.0, 1.5]).any()  # nothing fell back
    for length in (1, 2, 3):
        np.testing.assert_allclose(
            model.discounts[length - 1], paper.discounts[length][1:], rtol=1e-13
        )
    unseen = zipf_text(150, 300, seed=2)
    np.testing.assert_allclose(
        score(model, unseen), paper.log_probabilities(unseen.tolist()), rtol=1e-11
    )


@settings(max_examples=60, deadline=None)
@given(texts())
def test_distributions_sum_to_one_and_agree_with_single_targets(drawn):
    arguments, _ = drawn
    vocabulary_size = arguments["vocabulary_size"]
    model = fit(**arguments)
    contexts = random_contexts(20, model.order - 1, vocabulary_size)
    logs = model.log_probabilities(contexts)
    np.testing.assert_allclose(np.exp(logs).sum(axis=1), 1.0, rtol=1e-13)
    for target in range(vocabulary_size):
        targets = np.full(len(contexts), target)
        np.testing.assert_allclose(
            model.log_probability(contexts, targets), logs[:, target], rtol=1e-12, atol=1e-14
        )


def test_distribution_over_a_larger_text_sums_to_one():
    tokens = zipf_text(5000, 400, seed=3)
    model = fit(tokens, order=4, vocabulary_size=500, boundary=0)
    probabilities = np.exp(model.log_probabilities(model.contexts(tokens[:300])))
    np.testing.assert_allclose(probabilities.sum(axis=1), 1.0, rtol=1e-13)
    assert probabilities.min() > 0  # the last hundred tokens never occur


@pytest.mark.parametrize("boundary", [None, 0])
def test_arrays_restore_the_model_bit_for_bit(boundary):
    tokens = zipf_text(3000, 40, seed=4)
    model = fit(tokens, order=4, vocabulary_size=40, boundary=boundary)
    restored = KneserNey.from_arrays(load(save(model.arrays())))
    assert (restored.order, restored.vocabulary_size, restored.boundary) == (4, 40, boundary)
    np.testing.assert_array_equal(score(restored, tokens), score(model, tokens))
    contexts = random_contexts(30, 3, 40)
    np.testing.assert_array_equal(
        restored.log_probabilities(contexts), model.log_probabilities(contexts)
    )
    for array in model.arrays().values():
        assert array.dtype == np.int64
        assert array.flags.c_contiguous


def test_missing_array_is_named():
    arrays = fit([0, 1, 1], order=2, vocabulary_size=2, boundary=None).arrays()
    del arrays["counts.2"]
    with pytest.raises(CheckpointError, match=r"lacks the array 'counts\.2'"):
        KneserNey.from_arrays(arrays)


def test_contexts_restart_at_boundaries():
    arguments = {"order": 3, "vocabulary_size": 9}
    tokens = np.array([5, 6, 7, 0, 8, 0, 0, 5])
    np.testing.assert_array_equal(
        fit(tokens, boundary=0, **arguments).contexts(tokens),
        [[-1, 0], [0, 5], [5, 6], [6, 7], [-1, 0], [0, 8], [-1, 0], [-1, 0]],
    )
    np.testing.assert_array_equal(
        fit(tokens, boundary=None, **arguments).contexts(tokens[:4]),
        [[-1, -1], [-1, 5], [5, 6], [6, 7]],
    )


def test_order_of_sentences_does_not_matter_with_a_boundary():
    tokens = np.append(zipf_text(1000, 30, seed=5), 0)
    sentences = np.split(tokens, np.flatnonzero(tokens == 0)[:-1] + 1)
    shuffled = np.concatenate(sentences[::-1])
    arguments = {"order": 4, "vocabulary_size": 30}
    model, other = (fit(text, boundary=0, **arguments) for text in (tokens, shuffled))
    for name, array in model.arrays().items():
        np.testing.assert_array_equal(other.arrays()[name], array)
    running, other = (fit(text, boundary=None, **arguments) for text in (tokens, shuffled))
    assert len(running.arrays()["ngram_keys.4"]) != len(other.arrays()["ngram_keys.4"])


def test_tokens_older_than_a_boundary_have_no_effect():
    tokens = zipf_text(2000, 20, seed=6)
    model = fit(tokens, order=4, vocabulary_size=20, boundary=0)
    crossing = np.array([[3, 1, 0], [3, 0, 2], [0, 0, 1]])
    restarted = np.array([[-1, -1, 0], [-1, 0, 2], [-1, 0, 1]])
    np.testing.assert_array_equal(
        model.log_probabilities(crossing), model.log_probabilities(restarted)
    )


def test_order_one_by_hand():
    # Counts 3 and 1 of 4, fallback discounts 1.5 and 0.5, the reserved half over 4 tokens.
    model = fit([0, 0, 1, 0], order=1, vocabulary_size=4, boundary=None)
    assert model.contexts(np.array([1, 2])).shape == (2, 0)
    np.testing.assert_allclose(
        np.exp(model.log_probabilities(np.empty((1, 0), dtype=int))),
        [[0.5, 0.25, 0.125, 0.125]],
        rtol=1e-15,
    )


@pytest.mark.parametrize("boundary", [None, 1, 2])
def test_text_of_one_token_with_a_longer_order(boundary):
    model = fit([1], order=10, vocabulary_size=3, boundary=boundary)
    contexts = model.contexts(np.array([1, 2, 1]))
    probabilities = np.exp(model.log_probabilities(contexts))
    np.testing.assert_allclose(probabilities.sum(axis=1), 1.0, rtol=1e-15)
    assert probabilities[0].argmax() == 1
    restored = KneserNey.from_arrays(load(save(model.arrays())))
    np.testing.assert_array_equal(np.exp(restored.log_probabilities(contexts)), probabilities)


def test_no_queries_give_no_answers():
    model = fit([0, 1, 1], order=3, vocabulary_size=2, boundary=None)
    none = np.empty(0, dtype=int)
    assert score(model, none).shape == (0,)
    assert model.log_probabilities(model.contexts(none)).shape == (0, 2)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"order": 0}, "order of at least 1, got 0"),
        ({"boundary": 3}, r"boundary in \[0, 3\), got 3"),
        ({"tokens": np.empty(0, dtype=int)}, "got an empty text"),
        ({"tokens": np.array([0, 3])}, r"tokens in \[0, 3\), got 3"),
        ({"tokens": np.array([0, -1])}, r"tokens in \[0, 3\), got -1"),
    ],
)
def test_fit_refuses(changed, message):
    arguments = {"tokens": np.array([0, 1]), "order": 2, "vocabulary_size": 3, "boundary": 0}
    with pytest.raises(ValueError, match=message):
        KneserNey.fit(**(arguments | changed))


@pytest.mark.parametrize(
    ("contexts", "targets", "message"),
    [
        ([[0]], [0], r"expects contexts \[n, 2\], got \[1, 1\]"),
        ([[0, 3]], [0], r"contexts in \[-1, 3\), got 3"),
        ([[0, -2]], [0], r"contexts in \[-1, 3\), got -2"),
        ([[0, 1]], [-1], r"targets in \[0, 3\), got -1"),
    ],
)
def test_queries_out_of_range_are_refused(contexts, targets, message):
    model = fit([0, 1, 2], order=3, vocabulary_size=3, boundary=None)
    with pytest.raises(ValueError, match=message):
        model.log_probability(np.array(contexts), np.array(targets))


@pytest.mark.skipif(
    not PENN_TREEBANK.is_dir(), reason=f"no Penn Treebank at {PENN_TREEBANK}: set ELMAN_DATA"
)
def test_penn_treebank_reaches_the_published_perplexity():
    """148.0 is what is published for the 5-gram with modified Kneser-Ney on these sentences."""
    vocabulary = {"<eos>": 0}

    def read(name: str) -> np.ndarray:
        lines = (PENN_TREEBANK / name).read_text(encoding="utf-8").splitlines()
        words = (word for line in lines for word in [*line.split(), "<eos>"])
        return np.array([vocabulary.setdefault(word, len(vocabulary)) for word in words])

    train, valid = read("ptb.train.txt"), read("ptb.valid.txt")
    assert (len(train), len(valid), len(vocabulary)) == (929_589, 73_760, 10_000)
    model = fit(train, order=5, vocabulary_size=len(vocabulary), boundary=0)
    perplexity = np.exp(-score(model, valid).mean())
    assert perplexity == pytest.approx(148.0, abs=0.2)
