"""With torch's weights, a cell gives torch's numbers."""

import pytest
import torch
from torch import nn

from elman.cells import ElmanCell, GRUCell, LSTMCell
from elman.engine import unroll, unroll_eager
from elman.state import tensors


def load(cell, layer):
    """Copy the weights of a one-layer torch module into a cell."""
    with torch.no_grad():
        cell.input_map.weight.copy_(layer.weight_ih_l0)
        cell.recurrent_map.weight.copy_(layer.weight_hh_l0)
        cell.input_map.bias.copy_(layer.bias_ih_l0)
        if cell.recurrent_map.bias is not None:
            cell.recurrent_map.bias.copy_(layer.bias_hh_l0)
        else:  # one bias where torch has two
            cell.input_map.bias.add_(layer.bias_hh_l0)
    return cell


PAIRS = [
    (lambda: LSTMCell(3, 5), lambda: nn.LSTM(3, 5)),
    (lambda: GRUCell(3, 5), lambda: nn.GRU(3, 5)),
    (lambda: ElmanCell(3, 5), lambda: nn.RNN(3, 5)),
    (lambda: ElmanCell(3, 5, nonlinearity="relu"), lambda: nn.RNN(3, 5, nonlinearity="relu")),
]


@pytest.mark.parametrize("run", [unroll, unroll_eager])
@pytest.mark.parametrize(("make", "layer"), PAIRS, ids=["lstm", "gru", "rnn-tanh", "rnn-relu"])
def test_cell_equals_torch(make, layer, run):
    torch.manual_seed(0)
    layer = layer().double()
    cell = load(make().double(), layer)
    inputs = torch.randn(7, 2, 3, dtype=torch.float64)
    outputs, final = run(cell, inputs, cell.initial_state(2))
    expected, expected_final = layer(inputs)
    torch.testing.assert_close(outputs, expected, rtol=0, atol=1e-14)
    parts = expected_final if isinstance(expected_final, tuple) else (expected_final,)
    for part, wanted in zip(tensors(final), parts, strict=True):
        torch.testing.assert_close(part, wanted[0], rtol=0, atol=1e-14)
