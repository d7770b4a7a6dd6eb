"""Each cell's numbers equal a transcription of its paper that knows no tensor library."""

import numpy as np
import pytest
import torch

from elman.cells import (
    CELLS,
    ChoGRUCell,
    ElmanCell,
    GRUCell,
    IRNNCell,
    JordanCell,
    LSTMCell,
    SimpleGRUCell,
)
from elman.engine import unroll, unroll_eager
from elman.state import map_state, tensors
from reference import cho_gru, elman, gru, irnn, jordan, lstm, simple_gru

TIME, BATCH, INPUT, HIDDEN = 6, 2, 3, 5


def array(tensor):
    return tensor.detach().numpy()


def by_gate(tensor, *gates):
    return dict(zip(gates, np.split(array(tensor), len(gates)), strict=True))


def elman_reference(cell, sequence, state):
    weights = {
        "input": array(cell.input_map.weight),
        "context": array(cell.recurrent_map.weight),
        "bias": array(cell.input_map.bias),
    }
    if isinstance(cell, IRNNCell):
        return irnn.run(weights, sequence, *state)
    return elman.run(weights, sequence, *state, cell.nonlinearity)


def jordan_reference(cell, sequence, state):
    weights = {
        "plan": array(cell.input_map.weight),
        "hidden_bias": array(cell.input_map.bias),
        "state": array(cell.recurrent_map.weight),
        "output": array(cell.output_map.weight),
        "output_bias": array(cell.output_map.bias),
    }
    return jordan.run(weights, sequence, *state, cell.decay)


def lstm_reference(cell, sequence, state):
    gates = ("in", "phi", "c", "out")
    weights = {
        "input": by_gate(cell.input_map.weight, *gates),
        "recurrent": by_gate(cell.recurrent_map.weight, *gates),
        "bias": by_gate(cell.input_map.bias, *gates),
    }
    return lstm.run(weights, sequence, *state)


def gru_reference(cell, sequence, state):
    maps = (cell.input_map.weight, cell.recurrent_map.weight)
    biases = (cell.input_map.bias, cell.recurrent_map.bias)
    weights = [by_gate(part, "r", "i", "h") for part in (*maps, *biases)]
    return gru.run(*weights, sequence, *state)


def cho_gru_reference(cell, sequence, state):
    W = by_gate(cell.input_map.weight, "r", "z", "h")
    b = by_gate(cell.input_map.bias, "r", "z", "h")
    U = by_gate(cell.gate_map.weight, "r", "z") | {"h": array(cell.candidate_map.weight)}
    return cho_gru.run(W, U, b, sequence, *state)


def simple_gru_reference(cell, sequence, state):
    W = by_gate(cell.input_map.weight, "c", "u")
    U = by_gate(cell.recurrent_map.weight, "c", "u")
    b = by_gate(cell.input_map.bias, "c", "u")
    W_c, W_u = (np.concatenate([U[part], W[part]], axis=1) for part in ("c", "u"))
    return simple_gru.run(W_c, W_u, b["c"], b["u"], sequence, *state)


REFERENCES = {
    "elman": (lambda: ElmanCell(INPUT, HIDDEN), elman_reference),
    "elman-relu": (lambda: ElmanCell(INPUT, HIDDEN, nonlinearity="relu"), elman_reference),
    "irnn": (lambda: IRNNCell(INPUT, HIDDEN, identity_scale=0.7), elman_reference),
    "jordan": (lambda: JordanCell(INPUT, HIDDEN, output_size=4, decay=0.3), jordan_reference),
    "lstm": (lambda: LSTMCell(INPUT, HIDDEN), lstm_reference),
    "gru": (lambda: GRUCell(INPUT, HIDDEN), gru_reference),
    "cho-gru": (lambda: ChoGRUCell(INPUT, HIDDEN), cho_gru_reference),
    "simple-gru": (lambda: SimpleGRUCell(INPUT, HIDDEN), simple_gru_reference),
}


def test_every_cell_of_the_table_has_a_reference():
    assert set(CELLS) <= set(REFERENCES)


@pytest.mark.parametrize("run", [unroll, unroll_eager])
@pytest.mark.parametrize("name", REFERENCES)
def test_cell_equals_its_paper(name, run):
    make, reference = REFERENCES[name]
    cell = make().double()
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for parameter in cell.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=generator), alpha=0.3)
    inputs = torch.randn(TIME, BATCH, INPUT, generator=generator, dtype=torch.float64)
    state = map_state(
        lambda part: torch.randn(part.shape, generator=generator, dtype=torch.float64),
        cell.initial_state(BATCH),
    )
    outputs, final = run(cell, inputs, state)
    for row in range(BATCH):
        start = [array(part[row]) for part in tensors(state)]
        expected, expected_final = reference(cell, array(inputs[:, row]), start)
        np.testing.assert_allclose(array(outputs[:, row]), expected, rtol=1e-12, atol=1e-12)
        for part, wanted in zip(tensors(final), expected_final, strict=True):
            np.testing.assert_allclose(array(part[row]), wanted, rtol=1e-12, atol=1e-12)


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
