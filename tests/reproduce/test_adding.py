import math

import numpy as np
import pytest
import torch

from elman.cells import ElmanCell
from elman.reproduce import adding


@pytest.mark.parametrize("length", [2, 9, 50])
def test_a_batch_asks_for_the_sum_of_the_marked_numbers(length):
    inputs, targets, lengths = adding.adding_batch(length, 200, torch.Generator().manual_seed(1))
    assert lengths is None
    numbers, marks = inputs.numpy().transpose(2, 0, 1)
    half = length // 2
    assert set(marks.flat) <= {0.0, 1.0}
    np.testing.assert_array_equal(marks[:half].sum(0), 1)
    np.testing.assert_array_equal(marks[half:].sum(0), 1)
    np.testing.assert_allclose(targets[-1, :, 0], (numbers * marks).sum(0), rtol=1e-6)
    assert targets[:-1].isnan().all()
    assert numbers.min() >= 0
    assert numbers.max() < 1
    marked_steps = {int(step) for step, _ in np.argwhere(marks)}
    assert marked_steps == set(range(length))


def test_the_error_without_learning_is_the_variance_of_a_sum():
    _, targets, _ = adding.adding_batch(10, 40_000, torch.Generator().manual_seed(2))
    squares = (targets[-1] - 1).square()
    error = float(squares.std()) / math.sqrt(40_000)
    assert float(squares.mean()) == pytest.approx(adding.VARIANCE, abs=4 * error)


def test_short_sums_are_learnt():
    torch.manual_seed(1)
    training = adding.Training(learning_rate=1e-2, updates=250)
    assert adding.learn_to_add(ElmanCell(2, 16), 2, training, seed=1) < adding.VARIANCE / 20
