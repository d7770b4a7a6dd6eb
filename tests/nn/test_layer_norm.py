"""Normalised outputs by the paper's two equations."""

import torch

from elman.cells import GRUCell
from elman.engine import unroll
from elman.nn import LayerNorm
from elman.state import tensors


def test_outputs_are_normalised_scaled_and_shifted():
    torch.manual_seed(0)
    inner = GRUCell(3, 6).double()
    cell = LayerNorm(inner).double()
    with torch.no_grad():
        cell.norm.weight.copy_(torch.randn(6))
        cell.norm.bias.copy_(torch.randn(6))
    inputs = torch.randn(5, 2, 3, dtype=torch.float64)
    outputs, final = unroll(cell, inputs)
    a, expected_final = unroll(inner, inputs)
    mu = a.mean(-1, keepdim=True)
    sigma = ((a - mu) ** 2).mean(-1, keepdim=True)
    expected = cell.norm.weight / (sigma + cell.norm.eps).sqrt() * (a - mu) + cell.norm.bias
    torch.testing.assert_close(outputs, expected)
    assert all(map(torch.equal, tensors(final), tensors(expected_final)))
