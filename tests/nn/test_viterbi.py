import itertools

import pytest
import torch

from elman.nn.viterbi import find_best_paths

LENGTHS = [4, 1, 3]


def score(start, between, end, scores, path):
    """Of one sequence of tags, by the definition."""
    own = sum(float(scores[t, tag]) for t, tag in enumerate(path))
    pairs = sum(float(between[a, b]) for a, b in itertools.pairwise(path))
    return float(start[path[0]]) + own + pairs + float(end[path[-1]])


@pytest.mark.parametrize("count", [1, 2, 30])
def test_the_paths_are_the_best_of_all(count):
    torch.manual_seed(count)
    start, between, end = torch.randn(3).double(), torch.randn(3, 3).double(), torch.randn(3)
    scores = torch.randn(4, 3, 3).double()
    found = find_best_paths(start, between, end, scores, torch.tensor(LENGTHS), count)
    for row, length in enumerate(LENGTHS):
        paths = itertools.product(range(3), repeat=length)
        ranked = sorted(
            ((score(start, between, end, scores[:, row], path), path) for path in paths),
            reverse=True,
        )
        for rank, (expected, path) in enumerate(ranked[:count]):
            assert float(found.scores[rank, row]) == pytest.approx(expected, rel=1e-9)
            assert tuple(found.tags[rank, :length, row].tolist()) == path
        assert bool(found.scores[len(ranked) :, row].isinf().all())
