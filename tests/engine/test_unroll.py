"""What `unroll` refuses, and its options together."""

import pytest
import torch

from elman.cells import CELLS, GRUCell, LSTMCell
from elman.engine import unroll
from elman.nn import Dropout, LayerNorm
from elman.state import tensors

CELL = LSTMCell(3, 4)
INPUTS = torch.zeros(5, 2, 3)


@pytest.mark.parametrize(
    ("inputs", "options", "message"),
    [
        (torch.zeros(5, 2, 7), {}, r"LSTMCell expects inputs \[time, batch, 3\].*got \[5, 2, 7\]"),
        (torch.zeros(2, 3), {}, r"got \[2, 3\]"),
        (torch.zeros(0, 2, 3), {}, "at least one time step"),
        (INPUTS.double(), {}, "has torch.float32 weights and got torch.float64 inputs: convert"),
        (INPUTS, {"lengths": torch.tensor([1, 2, 3])}, "one entry for each of the 2 rows"),
        (INPUTS, {"lengths": torch.tensor([1, 6])}, "between 0 and the 5 time steps, got 1 to 6"),
        (INPUTS, {"lengths": torch.tensor([-1, 2])}, "got -1 to 2"),
        (INPUTS, {"lengths": torch.tensor([1.0, 2.0])}, "must be integers, got torch.float32"),
        (INPUTS, {"lengths": torch.tensor([True, True])}, "must be integers, got torch.bool"),
        (INPUTS, {"resets": torch.zeros(5, 2)}, r"bool tensor \[time, batch\] = \[5, 2\]"),
        (INPUTS, {"resets": torch.zeros(2, 5, dtype=torch.bool)}, r"got torch.bool \[2, 5\]"),
        (INPUTS, {"state": CELL.initial_state(3)}, r"state part of shape \[2, 4\].*got \[3, 4\]"),
        (INPUTS, {"state": GRUCell(3, 4).initial_state(2)}, "a state of 2 tensors, got 1"),
        (
            INPUTS,
            {"state": LSTMCell(3, 4).double().initial_state(2)},
            "a state part of torch.float32, got torch.float64",
        ),
    ],
)
def test_wrong_arguments_are_named(inputs, options, message):
    with pytest.raises(ValueError, match=message) as raised:
        unroll(CELL, inputs, **options)
    assert "\n" not in str(raised.value)


def test_autocast_takes_inputs_of_its_own_type():
    with torch.autocast("cpu", dtype=torch.bfloat16):
        outputs, final = unroll(CELL, INPUTS.bfloat16())
        unroll(CELL, INPUTS, final)
    assert outputs.isfinite().all()


@pytest.mark.parametrize("name", CELLS)
def test_resets_act_in_the_direction_of_running(name):
    cell = CELLS[name](3, 4).double()
    inputs = torch.randn(5, 2, 3, dtype=torch.float64)
    resets = torch.rand(5, 2) < 0.4
    outputs, final = unroll(cell, inputs, resets=resets, reverse=True)
    expected, expected_final = unroll(cell, inputs.flip(0), resets=resets.flip(0))
    assert torch.equal(outputs.flip(0), expected)
    assert all(map(torch.equal, tensors(final), tensors(expected_final)))


@pytest.mark.parametrize("name", CELLS)
def test_a_sequence_in_two_pieces_is_the_sequence(name):
    cell = CELLS[name](3, 4).double()
    inputs = torch.randn(6, 2, 3, dtype=torch.float64)
    outputs, final = unroll(cell, inputs)
    first, state = unroll(cell, inputs[:2])
    second, state = unroll(cell, inputs[2:], state)
    torch.testing.assert_close(torch.cat([first, second]), outputs, rtol=0, atol=1e-14)
    for part, wanted in zip(tensors(state), tensors(final), strict=True):
        torch.testing.assert_close(part, wanted, rtol=0, atol=1e-14)


def test_padding_does_not_reach_the_gradient():
    cell = LSTMCell(3, 4).double()
    inputs = torch.randn(5, 2, 3, dtype=torch.float64)
    gradients = []
    for padding in (0.0, 1e3):
        padded = inputs.clone()
        padded[2:, 0] = padding
        outputs, _ = unroll(cell, padded, lengths=torch.tensor([2, 5]))
        gradients.append(torch.autograd.grad(outputs.sum(), cell.parameters()))
    assert all(map(torch.equal, *gradients))


def test_outputs_beyond_a_length_are_zero_after_outer_cells_too():
    cell = LayerNorm(Dropout(GRUCell(3, 4), 0.5))
    torch.nn.init.ones_(cell.norm.bias)
    outputs, _ = unroll(cell, torch.randn(5, 2, 3), lengths=torch.tensor([2, 5]))
    assert not outputs[2:, 0].any()
    assert outputs[:2, 0].all()
