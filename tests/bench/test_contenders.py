import pytest
import torch
from torch import nn

from elman.bench.contenders import (
    careful_loop,
    check_cell,
    elman_stack,
    first_cell,
    is_lstm,
    plain_loop,
    torch_stack,
    training,
)
from elman.bench.shapes import Shape
from elman.cells import CELLS, ChoGRUCell, ElmanCell
from elman.errors import ConfigError

OWN_CELLS = """
from elman import Cell

class Rated(Cell):
    def __init__(self, input_size, hidden_size, rate):
        super().__init__(input_size, hidden_size)
"""
SHAPE = Shape(5, 3, 4, inputs=2, layers=2)


@pytest.mark.parametrize("loop", [plain_loop, careful_loop])
@pytest.mark.parametrize("cell", CELLS)
def test_loops_compute_what_the_engine_does(cell, loop):
    torch.manual_seed(1)
    stack = elman_stack(cell, SHAPE).double()
    inputs = torch.randn(SHAPE.time, SHAPE.batch, SHAPE.inputs, dtype=torch.float64)
    torch.testing.assert_close(loop(stack)(inputs), stack(inputs)[0])


def test_training_reaches_the_inputs_and_every_weight():
    stack = elman_stack("lstm", SHAPE)
    before = {name: weight.clone() for name, weight in stack.named_parameters()}
    reached = set()
    for name, weight in stack.named_parameters():
        weight.register_hook(lambda _, name=name: reached.add(name))

    def run(inputs):
        assert inputs.shape == (SHAPE.time, SHAPE.batch, SHAPE.inputs)
        inputs.register_hook(lambda _: reached.add("inputs"))
        return stack(inputs)[0]

    training(run, stack, SHAPE, SHAPE.hidden)()
    assert reached == {"inputs", *before}
    for name, weight in stack.named_parameters():
        assert weight.grad is None  # nothing piles up from call to call
        assert torch.equal(weight, before[name])


def test_training_leaves_fixed_and_unused_weights_alone():
    stack = elman_stack("elman", SHAPE)
    cell = first_cell(stack)
    cell.unused = nn.Parameter(torch.ones(1))
    next(cell.parameters()).requires_grad_(False)
    training(lambda inputs: stack(inputs)[0], stack, SHAPE, SHAPE.hidden)()


@pytest.mark.parametrize(
    ("cell", "kind"),
    [
        ("lstm", nn.LSTM),
        ("gru", nn.GRU),
        ("elman", nn.RNN),
        ("cho-gru", nn.LSTM),
        ("elman.cells:ChoGRUCell", nn.LSTM),
        ("elman.cells:GRUCell", nn.GRU),
    ],
)
def test_torch_brings_its_kernel_of_the_cell_or_its_lstm(cell, kind):
    layers = torch_stack(cell, SHAPE)
    assert type(layers) is kind
    assert (layers.input_size, layers.hidden_size, layers.num_layers) == (2, 4, 2)
    assert is_lstm(cell) == (cell == "lstm")


def test_torch_squashes_as_the_cell_does():
    assert torch_stack("elman", SHAPE).nonlinearity == "tanh"
    assert torch_stack("irnn", SHAPE).nonlinearity == "relu"


def test_the_first_cell_is_that_of_the_first_layer():
    assert first_cell(elman_stack("elman", SHAPE)).input_size == SHAPE.inputs
    assert isinstance(first_cell(elman_stack("elman", SHAPE)), ElmanCell)
    assert isinstance(first_cell(elman_stack("cho-gru", SHAPE)), ChoGRUCell)


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        ("lstmm", "unknown cell 'lstmm': known are"),
        ("nowhere:Cell", "cannot be imported"),
        ("math:pi", "is not a class derived from elman.Cell"),
        ("elman.nn:Zoneout", "cannot be built from an input size and a hidden size"),
        ("own_cells:Rated", "missing 1 required positional argument: 'rate'"),
    ],
)
def test_cells_that_cannot_be_measured_are_refused(cell, message, monkeypatch, tmp_path):
    (tmp_path / "own_cells.py").write_text(OWN_CELLS)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ConfigError, match=message):
        check_cell(cell)


@pytest.mark.parametrize("cell", [*CELLS, "elman.cells:ChoGRUCell"])
def test_other_cells_pass(cell):
    check_cell(cell)
