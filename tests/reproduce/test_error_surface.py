import math

import numpy as np
import pytest
import torch

from elman.reproduce import error_surface


def by_hand(w, b):
    x = 0.5
    for _ in range(50):
        x = w / (1 + math.exp(-x)) + b
    return (1 / (1 + math.exp(-x)) - 0.7) ** 2


@pytest.mark.parametrize(("w", "b"), [(6.2, -2.6), (3.0, -1.0), (5.0, -3.5)])
def test_the_error_is_that_of_the_recurrence(w, b):
    found = error_surface.one_unit_error(
        torch.tensor(w, dtype=torch.float64), torch.tensor(b, dtype=torch.float64)
    )
    assert float(found) == pytest.approx(by_hand(w, b), rel=1e-12)


def test_descent_follows_the_gradient_and_clipping_bounds_its_steps():
    path = error_surface.descend((6.2, -2.6), math.inf)
    w, b, error, norm = path[3]
    assert error == pytest.approx(by_hand(w, b), rel=1e-12)
    slope = np.array(
        [
            (by_hand(w + 1e-6, b) - by_hand(w - 1e-6, b)) / 2e-6,
            (by_hand(w, b + 1e-6) - by_hand(w, b - 1e-6)) / 2e-6,
        ]
    )
    assert norm == pytest.approx(np.hypot(*slope), rel=1e-5)
    np.testing.assert_allclose(path[4, :2], path[3, :2] - error_surface.RATE * slope, rtol=1e-6)
    clipped = error_surface.descend((6.2, -2.6), 0.1)
    lengths = np.hypot(*np.diff(clipped[:, :2], axis=0).T)
    assert lengths.max() == pytest.approx(0.1 * error_surface.RATE, rel=1e-9)


def test_clipping_helps_on_the_wall():
    results = [error_surface.run(seed) for seed in range(1, 6)]
    assert all(r["error, clipped"] < r["error, no clipping"] for r in results)
