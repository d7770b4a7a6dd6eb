"""The spectral radius from products alone, against LAPACK's eigenvalues."""

import numpy as np
import pytest
import torch

from elman.cells import radius
from elman.cells.radius import spectral_radius


def product_with(matrix):
    matrix = torch.as_tensor(matrix)
    return lambda rows: rows @ matrix.T


@pytest.mark.parametrize("size", [1, 2, 100, 256, 257, 500])
@pytest.mark.parametrize("density", [0.02, 1.0])
def test_random_matrices(size, density):
    generator = np.random.default_rng(size)
    matrix = generator.uniform(-1, 1, (size, size)) * (generator.random((size, size)) < density)
    matrix[0, 0] += 0.01  # never nilpotent
    expected = np.abs(np.linalg.eigvals(matrix)).max()
    assert spectral_radius(product_with(matrix), size) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("entries", [1, 2])
def test_matrices_of_few_entries_a_row(entries):
    generator = np.random.default_rng(entries)
    matrix = np.zeros((400, 400))
    for row in matrix:
        row[generator.choice(400, entries, replace=False)] = generator.uniform(-1, 1, entries)
    expected = np.abs(np.linalg.eigvals(matrix)).max()
    assert spectral_radius(product_with(matrix), 400) == pytest.approx(expected, rel=1e-5)


def test_a_pair_of_complex_eigenvalues_outside_the_rest():
    generator = np.random.default_rng(0)
    matrix = np.diag(generator.uniform(-0.9, 0.9, 300))
    matrix[:2, :2] = [[0.3, -1.1], [1.1, 0.3]]
    basis = np.linalg.qr(generator.normal(size=(300, 300)))[0]
    found = spectral_radius(product_with(basis @ matrix @ basis.T), 300)
    assert found == pytest.approx(np.hypot(0.3, 1.1), rel=1e-5)


def test_a_small_space_that_the_matrix_does_not_leave():
    projection = np.zeros((300, 300))
    projection[:3, :3] = np.diag([0.5, -2.0, 1.0])
    assert spectral_radius(product_with(projection), 300) == pytest.approx(2.0)
    assert spectral_radius(product_with(np.zeros((300, 300))), 300) == 0
    assert spectral_radius(product_with(np.eye(300) * 0.7), 300) == pytest.approx(0.7)


def test_a_nilpotent_matrix_has_none():
    strictly_lower = np.tril(np.random.default_rng(0).normal(size=(50, 50)), -1)
    order = np.random.default_rng(1).permutation(50)
    assert spectral_radius(product_with(strictly_lower[order][:, order]), 50) == 0


def test_a_search_without_end_says_so(monkeypatch):
    monkeypatch.setattr(radius, "RESTARTS", 5)
    shift = np.eye(300, k=1)  # all its eigenvalues are 0, but no product of 128 shows that
    with pytest.raises(ValueError, match="size 300 was not found in 5 restarts"):
        spectral_radius(product_with(shift), 300)


def test_it_leaves_the_random_generator_alone():
    before = torch.get_rng_state()
    spectral_radius(product_with(np.random.default_rng(0).normal(size=(300, 300))), 300)
    assert torch.equal(torch.get_rng_state(), before)
