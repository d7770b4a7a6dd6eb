import itertools
import math
from typing import NamedTuple

import pytest
import torch

from elman.decoding import Coverage, PowerDivisor, WuDivisor, beam_search

VOCABULARY, LENGTH, END = 3, 4, 2


DIVISORS = [PowerDivisor(alpha) for alpha in (0.0, 0.5, 1.0, 2.0)] + [
    WuDivisor(0.6),
    WuDivisor(1.0),
]


class TableState(NamedTuple):
    """What a row has read so far, as one number, and which model the row uses."""

    read: torch.Tensor
    model: torch.Tensor


def random_models(count, seed=0, vocabulary=VOCABULARY, length=LENGTH):
    """Next-token log-probabilities for every prefix of every model: [model, prefix, vocab]."""
    generator = torch.Generator().manual_seed(seed)
    prefixes = (vocabulary + 1) ** (length + 1)
    logits = 2.0 * torch.randn(count, prefixes, vocabulary, generator=generator)
    return torch.log_softmax(logits, dim=-1)


def table_step(tables):
    """A step function that looks predictions up by everything read before."""
    vocabulary = tables.shape[-1]

    def step(tokens, state):
        read = state.read * (vocabulary + 1) + tokens + 1
        return tables[state.model, read], TableState(read, state.model)

    return step


def table_state(models):
    return TableState(
        torch.zeros(len(models), dtype=torch.long), torch.tensor(models, dtype=torch.long)
    )


def log_probability(table, first, tokens):
    read, total = first + 1, 0.0
    for token in tokens:
        total += table[read, token].item()
        read = read * (table.shape[-1] + 1) + token + 1
    return total


def every_continuation(end, vocabulary=VOCABULARY, length=LENGTH):
    """All that end at `end`, and all of full length without it before their last token."""
    for size in range(1, length + 1):
        for tokens in itertools.product(range(vocabulary), repeat=size):
            closed = tokens[-1] == end or size == length
            if closed and end not in tokens[:-1]:
                yield list(tokens)


def exhaustive(table, first, end, divisor):
    scored = [
        (log_probability(table, first, tokens) / divisor(len(tokens)), tokens)
        for tokens in every_continuation(end)
    ]
    return sorted(scored, key=lambda pair: -pair[0])


@pytest.mark.parametrize("end", [END, None])
@pytest.mark.parametrize("divisor", DIVISORS)
def test_full_width_is_exhaustive_search(end, divisor):
    tables = random_models(5)
    width = VOCABULARY**LENGTH
    results = beam_search(
        table_step(tables),
        table_state([0, 1, 2, 3, 4]),
        torch.tensor([0, 1, 0, 1, 0]),
        width=width,
        length=LENGTH,
        end=end,
        divisor=divisor,
    )
    for model, (first, hypotheses) in enumerate(zip([0, 1, 0, 1, 0], results, strict=True)):
        expected = exhaustive(tables[model], first, end, divisor)
        assert [h.tokens for h in hypotheses] == [tokens for _, tokens in expected]
        for hypothesis, (score, tokens) in zip(hypotheses, expected, strict=True):
            assert hypothesis.score == pytest.approx(score, rel=1e-5)
            total = log_probability(tables[model], first, tokens)
            assert hypothesis.log_probability == pytest.approx(total, rel=1e-5)


def test_width_one_is_greedy():
    tables = random_models(40, seed=1)
    models = list(range(40))
    results = beam_search(
        table_step(tables),
        table_state(models),
        torch.zeros(40, dtype=torch.long),
        width=1,
        length=LENGTH,
        end=END,
    )
    lengths = set()
    for model, (hypothesis,) in zip(models, results, strict=True):
        greedy, read = [], 1
        while len(greedy) < LENGTH and END not in greedy:
            greedy.append(int(tables[model, read].argmax()))
            read = read * (VOCABULARY + 1) + greedy[-1] + 1
        assert hypothesis.tokens == greedy
        lengths.add(len(greedy))
    assert len(lengths) > 2  # the models end at different steps, so the test sees both cases


def reference_beam(table, first, width, end, divisor, length=LENGTH):
    """One row, plain lists, never stopping early."""
    live, finished = [([], 0.0)], []
    for size in range(1, length + 1):
        extensions = [
            ([*tokens, token], log_probability(table, first, [*tokens, token]))
            for tokens, _ in live
            for token in range(table.shape[-1])
        ]
        extensions.sort(key=lambda pair: -pair[1])
        closed = [pair[0][-1] == end or size == length for pair in extensions]
        finished += [
            pair for pair, ended in zip(extensions[:width], closed[:width], strict=True) if ended
        ]
        live = [pair for pair, ended in zip(extensions, closed, strict=True) if not ended][:width]
    finished.sort(key=lambda pair: -pair[1] / divisor(len(pair[0])))
    return [tokens for tokens, _ in finished[:width]]


@pytest.mark.parametrize("width", [1, 2, 3, 5])
@pytest.mark.parametrize("divisor", DIVISORS)
def test_stopping_early_loses_nothing(width, divisor):
    tables = random_models(30, seed=2)
    models = list(range(30))
    results = beam_search(
        table_step(tables),
        table_state(models),
        torch.ones(30, dtype=torch.long),
        width=width,
        length=LENGTH,
        end=END,
        divisor=divisor,
    )
    for model, hypotheses in zip(models, results, strict=True):
        expected = reference_beam(tables[model], 1, width, END, divisor)
        assert [h.tokens for h in hypotheses] == expected


def test_rows_do_not_depend_on_each_other():
    tables = random_models(6, seed=3)
    settings = {"width": 3, "length": LENGTH, "end": END, "divisor": PowerDivisor(0.6)}
    models, first = [5, 0, 3, 3, 1], torch.tensor([0, 1, 1, 0, 0])
    together = beam_search(table_step(tables), table_state(models), first, **settings)
    alone = [
        beam_search(table_step(tables), table_state([model]), token.view(1), **settings)[0]
        for model, token in zip(models, first, strict=True)
    ]
    assert together == alone


def test_stops_as_soon_as_nothing_can_improve():
    steps = []

    def step(tokens, state):
        steps.append(len(tokens))
        return torch.log(torch.tensor([[0.05, 0.9, 0.05]])).expand(len(tokens), -1), state

    results = beam_search(step, torch.zeros(2, 1), torch.tensor([0, 0]), width=1, length=50, end=1)
    assert [row[0].tokens for row in results] == [[1], [1]]
    assert steps == [2]


def test_an_empty_batch_has_no_results():
    nothing = torch.zeros(0, dtype=torch.long)
    settings = {"width": 2, "length": 3, "end": END}
    assert beam_search(table_step(random_models(1)), table_state([]), nothing, **settings) == []


def test_impossible_tokens_are_never_followed():
    log_probs = torch.tensor([[0.0, -math.inf, -math.inf]])

    def step(tokens, state):
        return log_probs.expand(len(tokens), -1), state

    (hypotheses,) = beam_search(
        step, torch.zeros(1, 1), torch.tensor([0]), width=4, length=3, end=None
    )
    assert [h.tokens for h in hypotheses] == [[0, 0, 0]]


@pytest.mark.parametrize(
    "wrong",
    [
        {"width": 0},
        {"length": 0},
        {"length": torch.tensor([0])},
        {"count": 0},
        {"count": 3},
        {"coverage": Coverage(-0.5, torch.tensor([1]))},
        {"coverage": Coverage(math.nan, torch.tensor([1]))},
    ],
)
def test_wrong_settings_are_refused(wrong):
    settings = {"width": 2, "length": 3, "end": None, **wrong}
    (name,) = wrong
    with pytest.raises(ValueError, match=name):
        beam_search(table_step(random_models(1)), table_state([0]), torch.tensor([0]), **settings)


@pytest.mark.parametrize("kind", [PowerDivisor, WuDivisor])
@pytest.mark.parametrize("alpha", [-0.5, math.nan, math.inf])
def test_a_divisor_that_falls_is_refused(kind, alpha):
    with pytest.raises(ValueError, match="alpha"):
        kind(alpha)


def test_divisors_are_those_of_the_papers():
    assert PowerDivisor(0.5)(9) == 3.0
    assert WuDivisor(1.0)(7) == 2.0
    assert WuDivisor(0.0)(50) == 1.0


@pytest.mark.parametrize("count", [1, 2])
def test_fewer_wanted_are_the_first_of_many(count):
    tables = random_models(30, seed=4)
    models, first = list(range(30)), torch.zeros(30, dtype=torch.long)
    settings = {"width": 4, "length": LENGTH, "end": END, "divisor": WuDivisor(0.8)}
    everything = beam_search(table_step(tables), table_state(models), first, **settings)
    some = beam_search(table_step(tables), table_state(models), first, **settings, count=count)
    assert some == [hypotheses[:count] for hypotheses in everything]


def test_each_row_has_its_own_limit():
    tables = random_models(4, seed=5)
    models, first = [0, 1, 2, 3], torch.ones(4, dtype=torch.long)
    limits = torch.tensor([1, 4, 2, 3])
    settings = {"width": 3, "end": END, "divisor": PowerDivisor(1.0)}
    step = table_step(tables)
    together = beam_search(step, table_state(models), first, length=limits, **settings)
    for model, limit in enumerate(limits.tolist()):
        start = table_state([model])
        assert beam_search(step, start, first[:1], length=limit, **settings)[0] == together[model]


class SeenState(NamedTuple):
    """What has been read, and where the model looked at the last step."""

    read: torch.Tensor
    attention: torch.Tensor


SOURCES = torch.tensor([3, 2])


def attentive_step(table, places):
    """A step that looks at places of its own after each prefix; its first state holds zeros."""

    def step(tokens, state):
        read = state.read * (VOCABULARY + 1) + tokens + 1
        return table[read], SeenState(read, places[read])

    return step


@pytest.mark.parametrize("weight", [0.0, 0.3, 2.0])
def test_coverage_is_exhaustive_search_with_the_penalty(weight):
    (table,) = random_models(1, seed=6)
    places = torch.rand(len(table), 3, generator=torch.Generator().manual_seed(7))
    divisor, first = WuDivisor(0.7), torch.tensor([0, 1])
    start = SeenState(torch.zeros(2, dtype=torch.long), torch.zeros(2, 3))
    results = beam_search(
        attentive_step(table, places),
        start,
        first,
        width=VOCABULARY**LENGTH,
        length=LENGTH,
        end=END,
        divisor=divisor,
        coverage=Coverage(weight, SOURCES),
    )
    for start_token, length, hypotheses in zip([0, 1], SOURCES.tolist(), results, strict=True):
        scored = []
        for tokens in every_continuation(END):
            read, seen = start_token + 1, torch.zeros(3)
            for token in tokens:
                seen += places[read]
                read = read * (VOCABULARY + 1) + token + 1
            penalty = weight * sum(math.log(min(share, 1.0)) for share in seen[:length].tolist())
            total = log_probability(table, start_token, tokens)
            scored.append((total / divisor(len(tokens)) + penalty, tokens))
        scored.sort(key=lambda pair: -pair[0])
        assert [h.tokens for h in hypotheses] == [tokens for _, tokens in scored]
        for hypothesis, (score, _) in zip(hypotheses, scored, strict=True):
            assert hypothesis.score == pytest.approx(score, rel=1e-4)


def test_stopping_early_loses_nothing_with_coverage():
    tables = random_models(1, seed=8)[0]
    places = torch.rand(len(tables), 3, generator=torch.Generator().manual_seed(9))
    settings = {"width": 3, "length": LENGTH, "end": END, "divisor": PowerDivisor(1.0)}
    settings["coverage"] = Coverage(0.5, SOURCES)
    start = SeenState(torch.zeros(2, dtype=torch.long), torch.zeros(2, 3))
    first = torch.tensor([0, 1])
    calls = []
    step = attentive_step(tables, places)

    def counted(tokens, state):
        calls.append(len(tokens))
        return step(tokens, state)

    found = beam_search(counted, start, first, **settings, count=1)
    stopped = len(calls)
    wanted = beam_search(counted, start, first, **settings)
    assert found == [hypotheses[:1] for hypotheses in wanted]
    assert stopped <= len(calls) - stopped
