import math

import pytest
import torch

from elman.decoding import Sampler, sample
from elman.decoding.sampling import FEW_CANDIDATES

DRAWS = 20_000


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def random_log_probs(vocabulary, seed=0):
    logits = 1.5 * torch.randn(vocabulary, generator=generator(seed), dtype=torch.float64)
    return torch.log_softmax(logits, dim=-1)


def expected_distribution(log_probs, sampler):
    """The distribution a sampler should draw from, by sorting Python lists."""
    weights = [math.exp(value / sampler.temperature) for value in log_probs.tolist()]
    order = sorted(range(len(weights)), key=lambda token: -weights[token])[: sampler.top_k]
    total = sum(weights[token] for token in order)
    kept, reached = [], 0.0
    for token in order:
        kept.append(token)
        reached += weights[token] / total
        if sampler.top_p is not None and reached >= sampler.top_p:
            break
    total = sum(weights[token] for token in kept)
    probabilities = torch.zeros(len(weights), dtype=torch.float64)
    for token in kept:
        probabilities[token] = weights[token] / total
    return probabilities


def chi_square(counts, probabilities):
    """Pearson's statistic over the possible tokens, less its mean, in standard deviations."""
    possible = probabilities > 0
    expected = probabilities[possible] * counts.sum()
    statistic = ((counts[possible] - expected) ** 2 / expected).sum().item()
    degrees = int(possible.sum()) - 1
    return (statistic - degrees) / math.sqrt(2 * degrees)


SAMPLERS = [
    Sampler(),
    Sampler(temperature=0.6),
    Sampler(temperature=1.8),
    Sampler(top_k=7),
    Sampler(temperature=0.7, top_k=5),
    Sampler(top_p=0.8),
    Sampler(temperature=1.4, top_p=0.5),
    Sampler(temperature=1.2, top_k=12, top_p=0.9),
    Sampler(top_p=1.0),
    Sampler(top_k=10_000),
]


@pytest.mark.parametrize("sampler", SAMPLERS, ids=str)
@pytest.mark.parametrize("vocabulary", [20, FEW_CANDIDATES + 8])
def test_frequencies_follow_the_distribution(sampler, vocabulary):
    log_probs = random_log_probs(vocabulary)
    rows = log_probs.float().expand(DRAWS, -1)
    drawn = torch.bincount(sampler(rows, generator(1)), minlength=vocabulary).double()
    probabilities = expected_distribution(log_probs, sampler)
    assert drawn[probabilities == 0].sum() == 0
    assert abs(chi_square(drawn, probabilities)) < 4


@pytest.mark.parametrize("vocabulary", [20, FEW_CANDIDATES + 8])
def test_rows_are_drawn_independently_from_their_own_distributions(vocabulary):
    log_probs = torch.stack([random_log_probs(vocabulary, seed) for seed in range(3)])
    drawn = Sampler()(log_probs.float().repeat(DRAWS, 1), generator(2)).view(DRAWS, 3)
    for row in range(3):
        counts = torch.bincount(drawn[:, row], minlength=vocabulary).double()
        assert abs(chi_square(counts, log_probs[row].exp())) < 4
    same = (drawn[:, 0] == drawn[:, 1]).double().mean()
    chance = (log_probs[0].exp() * log_probs[1].exp()).sum()
    assert abs(same - chance) < 4 * math.sqrt(chance / DRAWS)


@pytest.mark.parametrize(
    ("top_p", "kept"), [(0.3, {2}), (0.5, {2}), (0.51, {2, 0}), (0.75, {2, 0}), (0.9, {2, 0, 3})]
)
def test_top_p_keeps_the_smallest_set_that_reaches_it(top_p, kept):
    log_probs = torch.tensor([0.25, 0.0625, 0.5, 0.1875]).log()
    drawn = Sampler(top_p=top_p)(log_probs.expand(2_000, -1), generator())
    assert set(drawn.tolist()) == kept


@pytest.mark.parametrize("sampler", [Sampler(temperature=0.0), Sampler(top_k=1)], ids=str)
def test_greedy_takes_the_most_probable(sampler):
    log_probs = torch.stack([random_log_probs(50, seed) for seed in range(9)])
    torch.testing.assert_close(sampler(log_probs, generator()), log_probs.argmax(-1))


@pytest.mark.parametrize("vocabulary", [6, FEW_CANDIDATES + 6])
@pytest.mark.parametrize("top_p", [None, 0.95])
def test_forbidden_tokens_are_never_drawn(vocabulary, top_p):
    log_probs = torch.full((5_000, vocabulary), -math.inf)
    log_probs[:, [2, 4]] = math.log(0.5)
    assert set(Sampler(top_p=top_p)(log_probs, generator()).tolist()) == {2, 4}


@pytest.mark.parametrize("sampler", SAMPLERS, ids=str)
def test_low_temperature_does_not_underflow(sampler):
    log_probs = torch.log_softmax(torch.tensor([[0.0, 3.0, 1.0]]), dim=-1)
    cold = Sampler(temperature=1e-3, top_k=sampler.top_k, top_p=sampler.top_p)
    assert cold(log_probs, generator()).tolist() == [1]


@pytest.mark.parametrize(
    "wrong",
    [
        {"temperature": -0.1},
        {"temperature": math.nan},
        {"temperature": math.inf},
        {"top_k": 0},
        {"top_p": 0.0},
        {"top_p": 1.01},
        {"top_p": math.nan},
    ],
)
def test_wrong_settings_are_refused(wrong):
    (name,) = wrong
    with pytest.raises(ValueError, match=name):
        Sampler(**wrong)


def counting_step(vocabulary):
    """Always predicts the token after the one read; its state counts the steps."""

    def step(tokens, state):
        following = (tokens + 1) % vocabulary
        log_probs = torch.full((len(tokens), vocabulary), -math.inf)
        log_probs[torch.arange(len(tokens)), following] = 0.0
        return log_probs, state + 1

    return step


def test_sample_feeds_back_what_it_drew():
    tokens = sample(
        counting_step(7), torch.zeros(2, 1), torch.tensor([0, 5]), 4, Sampler(), generator()
    )
    assert torch.stack(list(tokens)).tolist() == [[1, 6], [2, 0], [3, 1], [4, 2]]


def test_sample_ends_when_every_row_has_stopped():
    tokens = sample(
        counting_step(9), torch.zeros(2, 1), torch.tensor([0, 2]), 50, Sampler(), generator(), 4
    )
    assert torch.stack(list(tokens)).T.tolist() == [[1, 2, 3, 4], [3, 4, 4, 4]]


def test_sample_yields_tokens_as_they_are_made():
    steps = []

    def step(tokens, state):
        steps.append(tokens)
        return torch.zeros(len(tokens), 3), state

    tokens = sample(step, torch.zeros(1, 1), torch.tensor([0]), 10, Sampler(), generator())
    next(tokens)
    next(tokens)
    assert len(steps) == 2


@pytest.mark.parametrize("sampler", SAMPLERS, ids=str)
def test_seeds_reproduce(sampler):
    weights = torch.randn(30, 30, generator=generator(5))

    def step(tokens, state):
        return torch.log_softmax(weights[tokens], dim=-1), state

    def generate(seed):
        first = torch.tensor([0, 1])
        drawn = sample(step, torch.zeros(2, 1), first, 12, sampler, generator(seed))
        return torch.stack(list(drawn)).tolist()

    assert generate(3) == generate(3)
    assert generate(3) != generate(4)


def test_generation_records_no_gradients():
    weights = torch.zeros(4, 4, requires_grad=True)

    def step(tokens, state):
        assert not torch.is_grad_enabled()
        return torch.log_softmax(weights[tokens], dim=-1), state

    list(sample(step, torch.zeros(1, 1), torch.tensor([0]), 3, Sampler(), generator()))
    assert torch.is_grad_enabled()


@pytest.mark.parametrize("top_p", [None, 0.95])
def test_a_draw_of_exactly_zero_does_not_pick_a_forbidden_token(monkeypatch, top_p):
    log_probs = torch.full((1, FEW_CANDIDATES + 6), -math.inf)
    log_probs[0, [2, 4]] = math.log(0.5)
    monkeypatch.setattr(torch, "rand", lambda size, **_: torch.zeros(size))
    assert Sampler(top_p=top_p)(log_probs, generator()).item() in (2, 4)
