"""Dropped inputs: how many, how scaled, how fresh."""

import pytest
import torch

from elman.cells import LSTMCell
from elman.nn import Dropout, VariationalDropout


@pytest.mark.parametrize("kind", [Dropout, VariationalDropout])
def test_share_and_scale_of_the_mask(kind):
    torch.manual_seed(0)
    cell = kind(LSTMCell(100, 2), 0.25)
    mask = cell.enter(torch.ones(3, 200, 100))
    assert mask.unique().tolist() == pytest.approx([0.0, 4 / 3])
    # 20,000 draws a step: the share dropped has a standard deviation of 0.003.
    for step in mask:
        assert (step == 0).float().mean() == pytest.approx(0.25, abs=0.015)


def test_dropout_draws_afresh_at_each_step():
    torch.manual_seed(0)
    first, second = Dropout(LSTMCell(100, 2), 0.5).enter(torch.ones(2, 50, 100))
    # Independent masks of a half agree in half of the places.
    assert (first == second).float().mean() == pytest.approx(0.5, abs=0.05)


def test_dropout_reads_the_inputs_alone():
    cell = Dropout(LSTMCell(3, 2), 0.5)
    outputs = torch.randn(4, 2, 2)
    assert cell.leave(outputs, torch.zeros(4, 2, 3)) is outputs
