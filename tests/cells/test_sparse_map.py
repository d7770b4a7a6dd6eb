"""A product with a sparse matrix, and the drawing of its columns."""

import itertools
from collections import Counter

import pytest
import torch

from elman.cells import SparseMap
from elman.cells.sparse_map import draw_columns


def test_the_product_is_that_of_the_whole_matrix():
    generator = torch.Generator().manual_seed(0)
    columns = torch.tensor([[0, 1, 6], [2, 3, 4], [0, 3, 5], [1, 5, 6], [0, 1, 2]])
    weight = torch.randn(5, 3, generator=generator, dtype=torch.float64)
    whole = torch.zeros(5, 7, dtype=torch.float64).scatter_(1, columns, weight)
    inputs = torch.randn(4, 7, generator=generator, dtype=torch.float64)
    torch.testing.assert_close(SparseMap(columns, weight)(inputs), inputs @ whole.T)


def test_columns_travel_with_the_weights():
    first = SparseMap(torch.tensor([[1], [0]]), torch.ones(2, 1))
    second = SparseMap(torch.tensor([[0], [1]]), torch.zeros(2, 1))
    second.load_state_dict(first.state_dict())
    inputs = torch.tensor([[3.0, 4.0]])
    assert torch.equal(first(inputs), second(inputs))


@pytest.mark.parametrize(("columns", "entries"), [(5, 2), (5, 3), (6, 2)])
def test_every_set_of_columns_is_as_likely(columns, entries):
    torch.manual_seed(0)
    counts = Counter(map(tuple, draw_columns(20_000, columns, entries).tolist()))
    sets = list(itertools.combinations(range(columns), entries))
    assert counts.keys() == set(sets)
    expected = 20_000 / len(sets)
    chi_squared = sum((counts[each] - expected) ** 2 / expected for each in sets)
    # Mean len(sets) - 1, variance twice that: four deviations above.
    assert chi_squared < len(sets) - 1 + 4 * (2 * (len(sets) - 1)) ** 0.5


@pytest.mark.parametrize("entries", [1, 3, 50, 51, 100])
def test_columns_of_a_row_differ(entries):
    drawn = draw_columns(200, 100, entries)
    assert drawn.shape == (200, entries)
    assert (drawn.diff(dim=1) > 0).all()
    assert 0 <= drawn.min() <= drawn.max() < 100
