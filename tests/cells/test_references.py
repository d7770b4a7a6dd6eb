"""Each cell's numbers equal a transcription of its paper that knows no tensor library."""

import numpy as np
import pytest
import torch

from elman.cells import CELLS, EchoStateCell, IRNNCell, LSTMCell, echo_state
from elman.engine import unroll, unroll_eager
from elman.state import tensors
from reference import irnn
from reference.adapters import INPUT, REFERENCES, SPARSE, array, by_gate, echo_state_reference

TIME, BATCH = 6, 2
WARM_UP = 7
"""Steps before the first; a clock comes round within the steps compared."""


def test_every_cell_of_the_table_has_a_reference():
    assert set(CELLS) <= set(REFERENCES)


def compare(cell, reference, run):
    cell = cell.double()
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for parameter in cell.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=generator), alpha=0.3)
    shape = (WARM_UP + TIME, BATCH, INPUT)
    inputs = torch.randn(shape, generator=generator, dtype=torch.float64)
    warm_up, inputs = inputs[:WARM_UP], inputs[WARM_UP:]
    # Reached by steps, so that it is a state the cell may meet whatever its parts mean.
    _, state = unroll_eager(cell, warm_up, cell.initial_state(BATCH))
    outputs, final = run(cell, inputs, state)
    for row in range(BATCH):
        start = [array(part[row]) for part in tensors(state)]
        expected, expected_final = reference(cell, array(inputs[:, row]), start)
        np.testing.assert_allclose(array(outputs[:, row]), expected, rtol=1e-12, atol=1e-12)
        for part, wanted in zip(tensors(final), expected_final, strict=True):
            np.testing.assert_allclose(array(part[row]), wanted, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("run", [unroll, unroll_eager])
@pytest.mark.parametrize("name", REFERENCES)
def test_cell_equals_its_paper(name, run):
    make, reference = REFERENCES[name]
    compare(make(), reference, run)


def test_a_reservoir_stored_without_its_zeros_equals_its_paper(monkeypatch):
    monkeypatch.setattr(echo_state, "SPARSE_SIZE", 1)
    monkeypatch.setattr(echo_state, "SPARSE_DENSITY", 0.5)
    compare(EchoStateCell(INPUT, 6, **SPARSE), echo_state_reference, unroll)


def test_irnn_starts_as_the_paper_says():
    torch.manual_seed(0)
    cell = IRNNCell(200, 30, identity_scale=0.5)
    expected = irnn.initial_recurrence(30, 0.5)
    np.testing.assert_array_equal(array(cell.recurrent_map.weight), expected)
    assert not array(cell.input_map.bias).any()
    assert np.std(array(cell.input_map.weight)) == pytest.approx(1e-3, rel=0.05)


def test_lstm_starts_with_open_forget_gates():
    bias = by_gate(LSTMCell(3, 5, forget_bias=2.0).input_map.bias, "i", "f", "g", "o")
    assert (bias["f"] == 2.0).all()
    assert (np.abs(bias["i"]) < 1.0).all()
