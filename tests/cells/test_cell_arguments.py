"""Wrong arguments are named; `resized` repeats the right ones."""

import pytest
import torch

from elman.cells import CELLS, Cell, ElmanCell, ElmanState, IRNNCell, JordanCell, LSTMCell


@pytest.mark.parametrize("name", CELLS)
def test_sizes_below_one_are_refused(name):
    with pytest.raises(ValueError, match="input_size must be at least 1, got 0"):
        CELLS[name](0, 4)
    with pytest.raises(ValueError, match="must be at least 1, got -2"):
        CELLS[name](3, -2)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: ElmanCell(3, 4, nonlinearity="sine"), "must be tanh or relu, got 'sine'"),
        (lambda: JordanCell(3, 4, decay=1.0), r"decay must lie in \[0, 1\), got 1.0"),
        (lambda: JordanCell(3, 0, output_size=2), "hidden_size must be at least 1, got 0"),
    ],
)
def test_wrong_settings_are_refused(build, message):
    with pytest.raises(ValueError, match=message):
        build()


def test_resized_keeps_settings_given_by_position_and_by_name():
    cell = JordanCell(3, hidden_size=4, output_size=2, decay=0.5).resized(7)
    assert (cell.input_size, cell.output_size, cell.decay) == (7, 2, 0.5)
    assert IRNNCell(3, 4, identity_scale=0.25).resized(5).recurrent_map.weight[0, 0] == 0.25


def test_resized_keeps_the_type_of_the_weights():
    assert LSTMCell(3, 4).double().resized(5).input_map.weight.dtype == torch.float64


class FixedCell(Cell[ElmanState]):
    """A cell without arguments."""

    def __init__(self):
        super().__init__(2, 2)


def test_a_cell_that_cannot_be_resized_says_so():
    assert FixedCell().resized(2).input_size == 2
    with pytest.raises(ValueError, match="FixedCell cannot be built for 3 inputs"):
        FixedCell().resized(3)
