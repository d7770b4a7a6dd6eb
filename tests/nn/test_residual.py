"""The input added to the output, and nothing else changed."""

import pytest
import torch

from elman.cells import GRUCell, LSTMCell
from elman.engine import unroll
from elman.nn import RNN, Residual
from elman.state import tensors


def test_the_input_is_added_to_the_output():
    inner = LSTMCell(4, 4)
    inputs = torch.randn(5, 2, 4)
    outputs, final = unroll(Residual(inner), inputs)
    expected, expected_final = unroll(inner, inputs)
    assert torch.equal(outputs, expected + inputs)
    assert all(map(torch.equal, tensors(final), tensors(expected_final)))


def test_unequal_sizes_are_refused():
    with pytest.raises(ValueError, match="sizes of GRUCell must be equal, got 3 and 4"):
        Residual(GRUCell(3, 4))
    with pytest.raises(ValueError, match="must be equal, got 8 and 4"):
        RNN(Residual(GRUCell(4, 4)), num_layers=2, bidirectional=True)
