"""One mask a sequence: constant over time, different by row, for inputs and for hidden units."""

import pytest
import torch

from elman.cells import CELLS, ElmanCell, LSTMCell
from elman.engine import explain, unroll
from elman.nn import Dropout, HiddenDropout, VariationalDropout, Zoneout


def test_the_mask_of_the_inputs_is_constant_over_time():
    torch.manual_seed(0)
    mask = VariationalDropout(LSTMCell(50, 2), 0.5).enter(torch.ones(7, 20, 50))
    assert (mask == mask[0]).all()
    assert (mask[0, 0] == mask[0, 1]).float().mean() == pytest.approx(0.5, abs=0.25)
    assert not torch.equal(mask[0, 0], mask[0, 1])


def test_each_sequence_has_a_mask_of_its_own():
    cell = VariationalDropout(LSTMCell(50, 2), 0.5)
    inputs = torch.ones(2, 20, 50)
    assert not torch.equal(cell.enter(inputs), cell.enter(inputs))


def test_the_mask_of_the_units_is_constant_over_time_and_scaled():
    torch.manual_seed(0)
    mask = HiddenDropout(LSTMCell(3, 100), 0.25).project(torch.zeros(7, 200, 3)).mask
    assert mask.shape == (7, 200, 100)
    assert (mask == mask[0]).all()
    assert mask.unique().tolist() == pytest.approx([0.0, 4 / 3])
    assert (mask[0] == 0).float().mean() == pytest.approx(0.25, abs=0.015)


def test_hidden_dropout_is_a_product_with_masked_units():
    torch.manual_seed(0)
    inner = ElmanCell(3, 5).double()
    cell = HiddenDropout(inner, 0.5)
    inputs = torch.randn(6, 2, 3, dtype=torch.float64)
    torch.manual_seed(7)
    outputs, final = unroll(cell, inputs)
    torch.manual_seed(7)
    mask = cell.project(inputs).mask[0]
    U, W, b = inner.recurrent_map.weight, inner.input_map.weight, inner.input_map.bias
    hidden = torch.zeros(2, 5, dtype=torch.float64)
    for t in range(6):
        hidden = torch.tanh(inputs[t] @ W.T + b + (mask * hidden) @ U.T)
        torch.testing.assert_close(outputs[t], hidden)
    torch.testing.assert_close(final.hidden, hidden)


def test_the_memory_cells_are_never_masked():
    torch.manual_seed(0)
    inner = LSTMCell(3, 50)
    cell = HiddenDropout(inner, 0.9)
    projected = cell.project(torch.randn(1, 3))
    state = inner.initial_state(1)._replace(cell=torch.randn(1, 50))
    _, after = cell.step(projected, state)
    _, expected = inner.step(projected.projected, state)  # hidden is zero, masked or not
    torch.testing.assert_close(after.cell, expected.cell)


def test_masks_of_the_inputs_alone_keep_the_cells_own_back_end():
    cell = VariationalDropout(LSTMCell(3, 4), 0.5)
    inputs = torch.zeros(2, 2, 3)
    without = explain(cell.cell, inputs).removesuffix(".")
    around = "(VariationalDropout applied once around the sequence)."
    assert explain(cell, inputs) == f"{without} {around}"


@pytest.mark.parametrize("name", [name for name, cell in CELLS.items() if cell.carries_hidden])
def test_cells_that_carry_hidden_are_refused(name):
    for cell in (CELLS[name](3, 4), Dropout(CELLS[name](3, 4), 0.1)):
        with pytest.raises(ValueError, match=r"carries hidden over as memory.*use Zoneout"):
            HiddenDropout(cell, 0.5)


def test_zoned_out_and_nameless_states_are_refused():
    with pytest.raises(ValueError, match="Zoneout carries hidden over"):
        HiddenDropout(Zoneout(LSTMCell(3, 4), 0.1), 0.5)
    with pytest.raises(ValueError, match="state of JordanCell has no part named hidden"):
        HiddenDropout(CELLS["jordan"](3, 4), 0.5)
