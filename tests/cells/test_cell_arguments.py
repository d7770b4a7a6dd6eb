"""Wrong arguments are named; `resized` repeats the right ones."""

import pytest
import torch
from torch import nn

from elman.cells import (
    CELLS,
    Cell,
    ClockworkCell,
    ClosedLoopCell,
    EchoStateCell,
    ElmanCell,
    ElmanState,
    HigherOrderCell,
    IRNNCell,
    JordanCell,
    LRUCell,
    LSTMCell,
    SLSTMCell,
)


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
        (lambda: HigherOrderCell(3, 4, order=1), "order must be at least 2, got 1"),
        (lambda: ClockworkCell(3, 4, periods=()), r"periods must rise from 1 or more, got \(\)"),
        (lambda: ClockworkCell(3, 4, periods=(0, 2)), "periods must rise from 1 or more"),
        (lambda: ClockworkCell(3, 4, periods=(2, 2)), "periods must rise from 1 or more"),
        (lambda: ClockworkCell(3, 4, periods=(1, 2, 4)), "3 does not divide hidden_size 4"),
        (lambda: SLSTMCell(3, 4, heads=3), "divide hidden_size 4, got 3"),
        (lambda: SLSTMCell(3, 4, heads=0), "heads must be at least 1"),
        (lambda: LRUCell(3, 0, output_size=2), "hidden_size must be at least 1, got 0"),
        (lambda: LRUCell(3, 4, min_radius=0.9, max_radius=0.5), "got 0.9 and 0.5"),
        (lambda: LRUCell(3, 4, max_radius=1.1), "max_radius <= 1, got 0.0 and 1.1"),
        (lambda: LRUCell(3, 4, max_phase=0.0), "max_phase must be above 0, got 0.0"),
        (lambda: EchoStateCell(3, 4, feedback_size=4), "feedback_size must be 0 to input_size"),
        (lambda: EchoStateCell(3, 4, spectral_radius=-1.0), "must be 0 or more, got -1.0"),
        (lambda: EchoStateCell(3, 4, density=0.0), "density must be above 0, up to 1, got 0.0"),
        (lambda: EchoStateCell(3, 4, leak=1.5), "leak must be above 0, up to 1, got 1.5"),
        (lambda: EchoStateCell(3, 4, nonlinearity="sine"), "must be tanh or identity, got 'sine'"),
        (lambda: EchoStateCell(3, 10**8), r"100,000,000 units at density 0.1 takes .* GiB"),
        (lambda: ClosedLoopCell(LSTMCell(3, 4), nn.Linear(5, 1)), "read 4 .* or 7 .*, got 5"),
        (lambda: ClosedLoopCell(LSTMCell(3, 4), nn.Linear(4, 3)), "input_size must be at least 1"),
    ],
)
def test_wrong_settings_are_refused(build, message):
    with pytest.raises(ValueError, match=message):
        build()


def test_resized_keeps_settings_given_by_position_and_by_name():
    cell = JordanCell(3, hidden_size=4, output_size=2, decay=0.5).resized(7)
    assert (cell.input_size, cell.output_size, cell.decay) == (7, 2, 0.5)
    assert IRNNCell(3, 4, identity_scale=0.25).resized(5).recurrent_map.weight[0, 0] == 0.25
    assert ClockworkCell(3, 4, periods=(3, 5)).resized(7).periods == (3, 5)
    assert EchoStateCell(3, 4, leak=0.5).resized(7).leak == 0.5


def test_resized_keeps_the_type_of_the_weights():
    assert LSTMCell(3, 4).double().resized(5).input_map.weight.dtype == torch.float64


@pytest.mark.parametrize("features", [4, 7])
def test_a_closed_loop_is_resized_with_its_readout(features):
    loop = ClosedLoopCell(LSTMCell(3, 4), nn.Linear(features, 2, bias=False)).resized(5)
    assert (loop.input_size, loop.output_size, loop.cell.input_size) == (5, 2, 7)
    assert loop.readout.in_features == (4 if features == 4 else 11)
    assert loop.readout.bias is None


class FixedCell(Cell[ElmanState]):
    """A cell without arguments."""

    def __init__(self):
        super().__init__(2, 2)


def test_a_cell_that_cannot_be_resized_says_so():
    assert FixedCell().resized(2).input_size == 2
    with pytest.raises(ValueError, match="FixedCell cannot be built for 3 inputs"):
        FixedCell().resized(3)
