import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from elman.nn.crf import Allowed, LinearChainCRF


def make(tags, *, forbidden=(), dtype=torch.float64):
    allowed = None
    if forbidden:
        between = torch.ones(tags, tags, dtype=torch.bool)
        for first, second in forbidden:
            between[first, second] = False
        start = torch.arange(tags) != tags - 1
        allowed = Allowed(start, between, torch.arange(tags) != 0)
    torch.manual_seed(tags)
    crf = LinearChainCRF(tags, allowed=allowed).to(dtype)
    with torch.no_grad():
        for parameter in crf.parameters():
            parameter.normal_()
    return crf


def all_paths(crf, scores):
    """Score of every sequence of tags of one row, by the definition."""
    between = (crf.forward_cell.transitions + crf.forward_cell.barrier).tolist()
    start = (crf.start + crf.start_barrier).tolist()
    end = (crf.end + crf.end_barrier).tolist()
    scores = scores.tolist()
    return {
        path: start[path[0]]
        + sum(row[tag] for row, tag in zip(scores, path, strict=True))
        + sum(between[a][b] for a, b in itertools.pairwise(path))
        + end[path[-1]]
        for path in itertools.product(range(len(start)), repeat=len(scores))
    }


def log_sum(values):
    largest = max(values)
    return largest + math.log(sum(math.exp(value - largest) for value in values))


LENGTHS = torch.tensor([5, 1, 3, 4])
SIZES = [(3, ()), (4, ((0, 1), (2, 2), (3, 0)))]


@pytest.mark.parametrize(("tags", "forbidden"), SIZES)
def test_likelihoods_are_those_of_all_paths(tags, forbidden):
    crf = make(tags, forbidden=forbidden)
    scores = torch.randn(5, 4, tags, dtype=torch.float64)
    chosen = torch.randint(tags, (5, 4))
    found = crf.log_likelihood(scores, chosen, LENGTHS).detach()
    for row, length in enumerate(LENGTHS.tolist()):
        paths = all_paths(crf, scores[:length, row])
        expected = paths[tuple(chosen[:length, row].tolist())] - log_sum(list(paths.values()))
        assert float(found[row]) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(("tags", "forbidden"), SIZES)
def test_marginals_are_sums_over_all_paths(tags, forbidden):
    crf = make(tags, forbidden=forbidden)
    scores = torch.randn(5, 4, tags, dtype=torch.float64)
    with torch.inference_mode():
        found = crf.marginals(scores, LENGTHS)
    for row, length in enumerate(LENGTHS.tolist()):
        paths = all_paths(crf, scores[:length, row])
        total = log_sum(list(paths.values()))
        expected = np.zeros((5, tags))
        for path, score in paths.items():
            for t, tag in enumerate(path):
                expected[t, tag] += math.exp(score - total)
        np.testing.assert_allclose(found[:, row], expected, atol=1e-9)


@pytest.mark.parametrize("count", [1, 2, 7])
@pytest.mark.parametrize(("tags", "forbidden"), SIZES)
def test_best_paths_are_the_best_of_all(tags, forbidden, count):
    crf = make(tags, forbidden=forbidden)
    scores = torch.randn(5, 4, tags, dtype=torch.float64)
    found = crf.best_paths(scores, LENGTHS, count)
    assert found.tags.shape == (count, 5, 4)
    for row, length in enumerate(LENGTHS.tolist()):
        paths = all_paths(crf, scores[:length, row])
        total = log_sum(list(paths.values()))
        ranked = sorted(paths, key=paths.__getitem__, reverse=True)[:count]
        for rank, path in enumerate(ranked):
            if paths[path] < -5000:  # only forbidden ones are left
                break
            assert found.tags[rank, :length, row].tolist() == list(path)
            expected = paths[path] - total
            assert float(found.log_probability[rank, row]) == pytest.approx(expected, rel=1e-9)


def test_a_row_with_few_paths_has_no_further_ones():
    found = make(2).best_paths(torch.zeros(1, 1, 2, dtype=torch.float64), torch.tensor([1]), 4)
    assert torch.isfinite(found.log_probability[:, 0]).tolist() == [True, True, False, False]


@given(st.integers(1, 6), st.integers(1, 12), st.integers(0, 10_000))
def test_no_best_path_takes_a_forbidden_step(tags, steps, seed):
    generator = torch.Generator().manual_seed(seed)
    between = torch.rand(tags, tags, generator=generator) < 0.7
    between[:, 0] = between[0] = True
    crf = LinearChainCRF(tags, allowed=Allowed(between[0], between, between[0]))
    scores = 3 * torch.randn(steps, 2, tags, generator=generator)
    path = crf.best_paths(scores, torch.tensor([steps, 1])).tags[0, :, 0].tolist()
    assert all(between[a, b] for a, b in itertools.pairwise(path))


def test_gradients_are_those_of_finite_differences():
    crf = make(3, forbidden=((0, 1),))
    scores = torch.randn(4, 2, 3, dtype=torch.float64, requires_grad=True)
    chosen, lengths = torch.tensor([[0, 1], [0, 2], [2, 1], [1, 1]]), torch.tensor([4, 2])

    def likelihood(scores, *weights):
        names = [name for name, _ in crf.named_parameters()]
        arguments = (scores, chosen, lengths)
        return torch.func.functional_call(
            _Likelihood(crf),
            {f"crf.{n}": w for n, w in zip(names, weights, strict=True)},
            arguments,
        )

    weights = [parameter.detach().clone().requires_grad_() for parameter in crf.parameters()]
    assert torch.autograd.gradcheck(likelihood, (scores, *weights))


class _Likelihood(torch.nn.Module):
    def __init__(self, crf):
        super().__init__()
        self.crf = crf

    def forward(self, *arguments):
        return self.crf.log_likelihood(*arguments)


def test_long_sequences_stay_finite_in_single_precision():
    crf = make(9, forbidden=((0, 1), (3, 4)), dtype=torch.float32)
    scores = 10 * torch.randn(400, 3, 9)
    lengths = torch.tensor([400, 399, 1])
    log_partition = crf.log_partition(scores, lengths)
    assert crf.marginals(scores, lengths).isfinite().all()
    exact = crf.double().log_partition(scores.double(), lengths)
    torch.testing.assert_close(log_partition.double(), exact, rtol=1e-5, atol=1e-3)


def test_what_is_allowed_must_fit():
    with pytest.raises(ValueError, match="4 tags"):
        LinearChainCRF(4, allowed=Allowed(*(torch.ones(s).bool() for s in (3, (3, 3), 3))))
