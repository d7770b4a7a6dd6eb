"""Verdicts against all targets that there are, written out one by one."""

import math
from itertools import product
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch.nn.functional import one_hot

from elman.state import select
from elman.tasks.translation import answers
from elman.tasks.translation.answers import LONGEST, Answer, Translation
from elman.tasks.translation.blame import Reference, Sentence, best_references, gather, judge
from elman.tasks.translation.decoders import Written
from elman.tasks.translation.model import TranslationModel
from elman.tasks.translation.reading import Pair

WORDS = {"eins": "one", "zwei": "two", "drei": "three", "vier": "four"}
LIMIT = 4
"""Tokens of the longest targets."""
SOURCES = ["eins zwei!", "drei vier drei!", "vier!", "zwei drei eins eins zwei!", "eins"]


@torch.no_grad()
def all_targets(task, source, alpha, beta):
    """Log-probability and score of every target, token by token.

    They are ranked by log p / n^alpha + beta sum log min(coverage, 1).
    """
    end = task.languages.target.end
    (ids,) = task.languages.encode_sources([source])
    step, state = task.model.start(torch.from_numpy(ids)[:, None], torch.tensor([len(ids)]))
    prefixes, totals, seen = [()], np.zeros(1), 0.0
    found = {}
    for size in range(1, LIMIT + 1):
        fed = torch.tensor([prefix[-1] if prefix else end for prefix in prefixes])
        log_probs, state = step(fed, state)
        seen = seen + state.attention.double().numpy()
        rows, kept = [], []
        for row, prefix in enumerate(prefixes):
            penalty = beta * np.log(np.minimum(seen[row], 1.0)).sum() if beta else 0.0
            for token, log_prob in enumerate(log_probs[row].tolist()):
                total = totals[row] + log_prob
                if token == end or size == LIMIT:
                    found[(*prefix, token)] = (total, total / size**alpha + penalty)
                if token != end:
                    rows.append(row)
                    kept.append(((*prefix, token), total))
        prefixes, totals = [prefix for prefix, _ in kept], np.array([total for _, total in kept])
        state, seen = select(state, torch.tensor(rows)), seen[rows]
    return found


def writable(task, targets):
    """Those that are closed and whose text is read as the same tokens, with that text."""
    side = task.languages.target
    for ids, (total, score) in targets.items():
        if ids[-1] == side.end and len(ids) > 1 and side.unknown not in ids:
            text = side.decode(ids, side.pieces(ids[:-1]))
            if side.encode([text])[0].tolist() == list(ids):
                yield text, total, score


@pytest.fixture(scope="module", params=["none", "multiplicative", "additive"])
def space(request, learn):
    """A task of sharp opinions and no knowledge, and all it could write for some sources."""
    beta = 0.0 if request.param == "none" else 0.2
    options = {"length_normalisation": "power", "length_penalty": 0.7, "coverage_penalty": beta}
    task, _, _ = learn(attention=request.param, **options)
    with torch.no_grad():
        task.model.softmax.weight.mul_(12.0)
        task.model.embedding.weight.mul_(20.0)
        task.model.softmax.bias[task.languages.target.unknown] = -20.0
        task.model.length_ratio.zero_()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(answers, "SPARE", LIMIT)
        yield task, {source: all_targets(task, source, 0.7, beta) for source in SOURCES}


def test_references_are_scored_as_the_search_scores(space):
    task, targets = space
    expected, sentences = [], []
    for source in SOURCES:
        for text, *numbers in list(writable(task, targets[source]))[::8]:
            sentences.append(Sentence(source, [text]))
            expected.append(numbers)
    found = best_references(task, sentences, task.search(2, wanted=1))
    assert len(found) > 30
    np.testing.assert_allclose([reference[1:] for reference in found], expected, atol=1e-4)


def test_a_beam_as_wide_as_the_space_is_never_to_blame(space):
    task, targets = space
    everything = max(map(len, targets.values()))
    sentences = [
        Sentence(source, [text])
        for source in SOURCES
        for text, *_ in sorted(writable(task, targets[source]), key=lambda t: -t[2])[:3]
    ]
    search = task.search(everything, wanted=1)
    verdicts = judge(task, sentences, best_references(task, sentences, search), search)
    assert {verdict.blame for verdict in verdicts} <= {"right", "model"}
    for verdict in verdicts:
        best = max(targets[verdict.sentence.source].values(), key=lambda numbers: numbers[1])
        assert verdict.output.score == pytest.approx(best[1], abs=1e-4)


class Bigrams(TranslationModel):
    """Predicts a token from the one before it and the source's first one."""

    def __init__(self, config, source_size, target_size):
        super().__init__(config, target_size, target_size, source_size + target_size)
        draw = np.random.default_rng(1).normal(scale=2.0, size=self.softmax.weight.shape)
        self.softmax.weight.data.copy_(torch.from_numpy(draw))
        self.sizes = (source_size, target_size)
        self.length_ratio.zero_()

    def features(self, first, fed):
        both = zip((first.expand_as(fed), fed), self.sizes, strict=True)
        return torch.cat([one_hot(tokens, size) for tokens, size in both], dim=-1).float()

    def write(self, inputs):
        return Written(self.features(inputs.source[0], inputs.fed), torch.zeros(()))

    def start(self, source, lengths):
        def step(fed, first):
            return self.softmax.log_probs(self.features(first, fed)), first

        return step, source[0]

    def log_probability(self, source, target):
        weight, before, total = self.softmax.weight.double().detach().numpy(), 0, 0.0
        for token in target:
            logits = weight[:, source[0]] + weight[:, self.sizes[0] + before]
            total += logits[token] - np.logaddexp.reduce(logits)
            before = token
        return total


@pytest.mark.parametrize("width", [1, 2, 1000])
def test_a_narrow_beam_is_to_blame_for_what_it_misses(learn, width, monkeypatch):
    monkeypatch.setattr(answers, "SPARE", LIMIT)
    task, _, _ = learn(length_penalty=0.0)
    source, target = task.languages.source, task.languages.target
    task.model = Bigrams(task.config, source.size, target.size).eval()
    words = list(WORDS.values())
    texts = [" ".join(t) for size in range(1, LIMIT) for t in product(words, repeat=size)]
    sentences = [Sentence(line, [text]) for line in WORDS for text in texts]
    search = task.search(width, wanted=1)
    references = best_references(task, sentences, search)
    pieces = target.pieces(range(target.size))
    verdicts = judge(task, sentences, references, search)
    for (line, (text,)), _, output, reference, blame in verdicts:
        read = source.encode([line])[0]
        expected = task.model.log_probability(read, target.encode([text])[0])
        found = task.model.log_probability(read, map(pieces.index, output.tokens))
        assert reference.log_probability == pytest.approx(expected, abs=1e-4)
        assert output.log_probability == pytest.approx(found, abs=1e-4)
        if blame != "right":
            assert blame == ("search" if expected > found else "model")
    blamed = {verdict.blame for verdict in verdicts}
    assert "model" in blamed
    assert ("search" in blamed) == (width == 1)


def test_the_best_of_several_references_counts(space):
    task, targets = space
    texts = list(writable(task, targets[SOURCES[0]]))[:5]
    sentences = [Sentence(SOURCES[0], [text for text, *_ in texts])]
    (found,) = best_references(task, sentences, task.search(1, wanted=1))
    assert found.text == max(texts, key=lambda target: target[2])[0]


def test_what_the_vocabulary_lacks_cannot_be_written(learnt):
    task, _, _ = learnt
    sentences = [
        Sentence("eins zwei!", ["one seven!"]),
        Sentence("eins zwei!", ["one seven!", "one three!"]),
        Sentence("eins zwei!", ["one seven!", "one two!"]),
        Sentence("eins zwei!", ["one " * LONGEST]),
    ]
    search = task.search(3, wanted=1)
    references = best_references(task, sentences, search)
    assert [r and r.text for r in references] == [None, "one three!", "one two!", None]
    verdicts = judge(task, sentences, references, search)
    assert [v.blame for v in verdicts] == ["unwritable", "model", "right", "unwritable"]
    assert best_references(task, sentences[:1], search) == [None]


def test_a_very_long_source_is_scored_as_it_is_read(learnt):
    task, _, _ = learnt
    search = task.search(1, wanted=1)
    long, cut = "eins " * 4999, "eins " * (LONGEST - 1)
    first, second = best_references(
        task, [Sentence(long, ["one!"]), Sentence(cut, ["one!"])], search
    )
    assert first == second


@pytest.mark.parametrize(
    ("text", "score", "reference", "blame"),
    [
        ("one  two", -9.0, Reference("one two", -1.0, -1.0), "right"),
        ("two one", -9.0, None, "right"),
        ("three", -2.0, Reference("one two", -4.0, -1.5), "search"),
        ("three", -1.0, Reference("one two", -0.5, -1.5), "model"),
        ("three", -1.0, Reference("one two", -1.0, -1.0), "model"),
        ("", -1.0, None, "unwritable"),
        ("three", -1.0, Reference("one two", -math.inf, -math.inf), "model"),
    ],
)
def test_blame(text, score, reference, blame):
    answer = Answer(["eins", "zwei", "<eos>"], [Translation(text, score, -1.0, [], None)])
    task = SimpleNamespace(translate=lambda lines, search: (answer for _ in lines))
    (verdict,) = judge(task, [Sentence("eins zwei", ["one two", "two one"])], [reference], None)
    assert (verdict.blame, verdict.length) == (blame, 2)


def test_sources_are_gathered_where_targets_are_alternatives():
    pairs = [Pair("a", "x"), Pair("b", "y"), Pair("a", "z")]
    assert gather(pairs, alternatives=True) == [Sentence("a", ["x", "z"]), Sentence("b", ["y"])]
    assert [list(s.references) for s in gather(pairs, alternatives=False)] == [["x"], ["y"], ["z"]]
