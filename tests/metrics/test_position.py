import numpy as np

from elman.metrics import mean_loss_by_position


def test_agrees_with_grouping_by_hand():
    generator = np.random.default_rng(0)
    positions = generator.integers(0, 12, 200)
    losses = generator.random(200)
    means, counts = mean_loss_by_position(losses, positions)
    for position in range(12):
        here = [x for x, p in zip(losses, positions, strict=True) if p == position]
        assert counts[position] == len(here)
        np.testing.assert_allclose(means[position], np.mean(here))


def test_positions_without_tokens_are_not_numbers():
    means, counts = mean_loss_by_position(np.array([2.0, 4.0]), np.array([2, 0]))
    np.testing.assert_array_equal(means, [4.0, np.nan, 2.0])
    np.testing.assert_array_equal(counts, [1, 0, 1])
