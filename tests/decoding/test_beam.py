import itertools
import math
from typing import NamedTuple

import pytest
import torch

from elman.decoding import beam_search

VOCABULARY, LENGTH, END = 3, 4, 2


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


def exhaustive(table, first, end, length_penalty):
    scored = [
        (log_probability(table, first, tokens) / len(tokens) ** length_penalty, tokens)
        for tokens in every_continuation(end)
    ]
    return sorted(scored, key=lambda pair: -pair[0])


@pytest.mark.parametrize("end", [END, None])
@pytest.mark.parametrize("length_penalty", [0.0, 0.7, 1.0])
def test_full_width_is_exhaustive_search(end, length_penalty):
    tables = random_models(5)
    width = VOCABULARY**LENGTH
    results = beam_search(
        table_step(tables),
        table_state([0, 1, 2, 3, 4]),
        torch.tensor([0, 1, 0, 1, 0]),
        width=width,
        length=LENGTH,
        end=end,
        length_penalty=length_penalty,
    )
    for model, (first, hypotheses) in enumerate(zip([0, 1, 0, 1, 0], results, strict=True)):
        expected = exhaustive(tables[model], first, end, length_penalty)
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


def reference_beam(table, first, width, end, length_penalty, length=LENGTH):
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
    finished.sort(key=lambda pair: -pair[1] / len(pair[0]) ** length_penalty)
    return [tokens for tokens, _ in finished[:width]]


@pytest.mark.parametrize("width", [1, 2, 3, 5])
@pytest.mark.parametrize("length_penalty", [0.0, 0.5, 1.0, 2.0])
def test_stopping_early_loses_nothing(width, length_penalty):
    tables = random_models(30, seed=2)
    models = list(range(30))
    results = beam_search(
        table_step(tables),
        table_state(models),
        torch.ones(30, dtype=torch.long),
        width=width,
        length=LENGTH,
        end=END,
        length_penalty=length_penalty,
    )
    for model, hypotheses in zip(models, results, strict=True):
        expected = reference_beam(tables[model], 1, width, END, length_penalty)
        assert [h.tokens for h in hypotheses] == expected


def test_rows_do_not_depend_on_each_other():
    tables = random_models(6, seed=3)
    settings = {"width": 3, "length": LENGTH, "end": END, "length_penalty": 0.6}
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
    "wrong", [{"width": 0}, {"length": 0}, {"length_penalty": -0.5}, {"length_penalty": math.nan}]
)
def test_wrong_settings_are_refused(wrong):
    settings = {"width": 2, "length": 3, "end": None, **wrong}
    (name,) = wrong
    with pytest.raises(ValueError, match=name):
        beam_search(table_step(random_models(1)), table_state([0]), torch.tensor([0]), **settings)
