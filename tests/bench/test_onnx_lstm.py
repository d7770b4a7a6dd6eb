"""The ONNX model computes what nn.LSTM does, whole sequences and single steps."""

import numpy as np
import pytest
import torch
from torch import nn

from elman.bench.onnx_lstm import OnnxLSTM, onnx_installed

needs_onnx = pytest.mark.skipif(not onnx_installed(), reason="onnx, onnxruntime not installed")


@needs_onnx
@pytest.mark.parametrize(("inputs", "hidden", "layers"), [(3, 5, 1), (1, 4, 2), (8, 8, 3)])
def test_outputs_and_final_state(inputs, hidden, layers):
    torch.manual_seed(1)
    lstm, sequence = nn.LSTM(inputs, hidden, layers), torch.randn(6, 2, inputs)
    with torch.no_grad():
        expected, (last, cell) = lstm(sequence)
    model = OnnxLSTM(lstm, threads=1)
    outputs, state = model(sequence.numpy(), model.initial_state(2))
    np.testing.assert_allclose(outputs, expected, rtol=1e-5, atol=1e-6)
    assert len(state) == 2 * layers
    for layer in range(layers):
        np.testing.assert_allclose(state[2 * layer][0], last[layer], rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(state[2 * layer + 1][0], cell[layer], rtol=1e-5, atol=1e-6)


@needs_onnx
def test_steps_that_carry_the_state_are_the_sequence():
    torch.manual_seed(1)
    model, sequence = OnnxLSTM(nn.LSTM(3, 4, 2), threads=1), torch.randn(5, 1, 3).numpy()
    expected, _ = model(sequence, model.initial_state(1))
    state, outputs = model.initial_state(1), []
    for step in sequence:
        output, state = model(step[None], state)
        outputs.append(output)
    np.testing.assert_allclose(np.concatenate(outputs), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("package", ["onnx", "onnxruntime"])
def test_both_packages_are_needed(monkeypatch, package):
    monkeypatch.setattr("elman.bench.onnx_lstm.find_spec", lambda name: name != package or None)
    assert not onnx_installed()
