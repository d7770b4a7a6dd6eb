"""From a cell to its transcription: its weights under the paper's names, then a run."""

import numpy as np
import torch

from elman.cells import (
    ChoGRUCell,
    ClockworkCell,
    CoupledLSTMCell,
    EchoStateCell,
    ElmanCell,
    GRUCell,
    HigherOrderCell,
    IRNNCell,
    JordanCell,
    LayerNormGRUCell,
    LayerNormLSTMCell,
    LRUCell,
    LSTMCell,
    MinGRUCell,
    MinimalGatedCell,
    MinLSTMCell,
    PeepholeLSTMCell,
    SimpleGRUCell,
    SLSTMCell,
    SRUCell,
)
from reference import (
    cho_gru,
    clockwork,
    coupled_lstm,
    echo_state,
    elman,
    gru,
    higher_order,
    irnn,
    jordan,
    layer_norm_gru,
    layer_norm_lstm,
    lru,
    lstm,
    min_gru,
    min_lstm,
    minimal_gated,
    peephole_lstm,
    simple_gru,
    slstm,
    sru,
)

INPUT, HIDDEN = 3, 6


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


def higher_order_reference(cell, sequence, state):
    W_h = np.split(array(cell.recurrent_map.weight), cell.order, axis=1)
    W_in, bias = array(cell.input_map.weight), array(cell.input_map.bias)
    return higher_order.run(W_in, W_h, bias, sequence, *state)


def clockwork_reference(cell, sequence, state):
    W_H = np.zeros((HIDDEN, HIDDEN))
    start = 0
    for block in cell.recurrent_maps:
        W_H[start : start + block.out_features, start:] = array(block.weight)
        start += block.out_features
    W_I, bias = array(cell.input_map.weight), array(cell.input_map.bias)
    return clockwork.run(W_I, W_H, bias, cell.periods, sequence, *state)


def echo_state_reference(cell, sequence, state):
    if isinstance(cell.recurrent_map, torch.nn.Linear):
        W = array(cell.recurrent_map.weight)
    else:
        W = np.zeros((HIDDEN, HIDDEN))
        columns = array(cell.recurrent_map.columns)
        np.put_along_axis(W, columns, array(cell.recurrent_map.weight), axis=1)
    W_in, W_back = np.split(array(cell.input_map.weight), [INPUT - 1], axis=1)
    weights = {"W": W, "in": W_in, "back": W_back, "bias": array(cell.input_map.bias)}
    squash = np.tanh if cell.nonlinearity == "tanh" else np.array
    return echo_state.run(weights, cell.leak, squash, sequence, *state)


def lstm_weights(cell):
    gates = ("in", "phi", "c", "out")
    return {
        "input": by_gate(cell.input_map.weight, *gates),
        "recurrent": by_gate(cell.recurrent_map.weight, *gates),
        "bias": by_gate(cell.input_map.bias, *gates),
    }


def lstm_reference(cell, sequence, state):
    return lstm.run(lstm_weights(cell), sequence, *state)


def peephole_lstm_reference(cell, sequence, state):
    peepholes = {
        "in": array(cell.input_peephole),
        "phi": array(cell.forget_peephole),
        "out": array(cell.output_peephole),
    }
    return peephole_lstm.run(lstm_weights(cell), peepholes, sequence, *state)


def coupled_lstm_reference(cell, sequence, state):
    maps = (cell.input_map.weight, cell.recurrent_map.weight, cell.input_map.bias)
    return coupled_lstm.run(*(by_gate(part, "i", "z", "o") for part in maps), sequence, *state)


def gain_and_bias(norm):
    return array(norm.weight), array(norm.bias)


def layer_norm_lstm_reference(cell, sequence, state):
    numbered = enumerate((cell.recurrent_norm, cell.input_norm, cell.cell_norm), 1)
    norms = {number: gain_and_bias(norm) for number, norm in numbered}
    maps = array(cell.recurrent_map.weight), array(cell.input_map.weight)
    return layer_norm_lstm.run(*maps, norms, sequence, *state)


def slstm_reference(cell, sequence, state):
    heads = len(cell.recurrent_maps)
    R = {gate: np.zeros((HIDDEN, HIDDEN)) for gate in "ifzo"}
    for head, recurrent_map in enumerate(cell.recurrent_maps):
        own = slice(head * HIDDEN // heads, (head + 1) * HIDDEN // heads)
        for gate, block in by_gate(recurrent_map.weight, *"ifzo").items():
            R[gate][own, own] = block
    W, b = by_gate(cell.input_map.weight, *"ifzo"), by_gate(cell.input_map.bias, *"ifzo")
    return slstm.run(W, R, b, sequence, *state)


def min_lstm_reference(cell, sequence, state):
    W, b = by_gate(cell.input_map.weight, *"fih"), by_gate(cell.input_map.bias, *"fih")
    return min_lstm.run(W, b, sequence, *state)


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


def layer_norm_gru_reference(cell, sequence, state):
    W_x, W = np.split(array(cell.input_map.weight), [2 * HIDDEN])
    W_h, U = np.split(array(cell.recurrent_map.weight), [2 * HIDDEN])
    norms = {
        1: gain_and_bias(cell.recurrent_gate_norm),
        2: gain_and_bias(cell.input_gate_norm),
        3: gain_and_bias(cell.input_candidate_norm),
        4: gain_and_bias(cell.recurrent_candidate_norm),
    }
    return layer_norm_gru.run(W_h, W_x, U, W, norms, sequence, *state)


def minimal_gated_reference(cell, sequence, state):
    W, b = by_gate(cell.input_map.weight, "f", "h"), by_gate(cell.input_map.bias, "f", "h")
    W_f = np.concatenate([array(cell.gate_map.weight), W["f"]], axis=1)
    W_h = np.concatenate([array(cell.candidate_map.weight), W["h"]], axis=1)
    return minimal_gated.run(W_f, W_h, b["f"], b["h"], sequence, *state)


def min_gru_reference(cell, sequence, state):
    W, b = by_gate(cell.input_map.weight, "z", "h"), by_gate(cell.input_map.bias, "z", "h")
    return min_gru.run(W, b, sequence, *state)


def sru_reference(cell, sequence, state):
    W_f, W_r = np.split(array(cell.gate_map.weight), 2)
    b_f, b_r = np.split(array(cell.gate_map.bias), 2)
    same = cell.input_size == cell.output_size
    W_s = np.eye(cell.input_size) if same else array(cell.highway_map.weight)
    W = array(cell.candidate_map.weight)
    return sru.run(W, W_f, W_r, b_f, b_r, W_s, sequence, *state)


def lru_reference(cell, sequence, state):
    B_real, B_imaginary = np.split(array(cell.input_map.weight), 2)
    C_real, minus_C_imaginary = np.split(array(cell.output_map.weight), 2, axis=1)
    weights = {
        **{name: array(getattr(cell, name)) for name in ("nu", "theta", "gamma")},
        "B": B_real + 1j * B_imaginary,
        "C": C_real - 1j * minus_C_imaginary,
        "D": array(cell.skip_map.weight),
    }
    return lru.run(weights, sequence, *state)


SPARSE = {"feedback_size": 1, "bias_scaling": 0.3, "leak": 0.6, "density": 0.5}

REFERENCES = {
    "elman": (lambda: ElmanCell(INPUT, HIDDEN), elman_reference),
    "elman-relu": (lambda: ElmanCell(INPUT, HIDDEN, nonlinearity="relu"), elman_reference),
    "irnn": (lambda: IRNNCell(INPUT, HIDDEN, identity_scale=0.7), elman_reference),
    "jordan": (lambda: JordanCell(INPUT, HIDDEN, output_size=4, decay=0.3), jordan_reference),
    "higher-order": (lambda: HigherOrderCell(INPUT, HIDDEN), higher_order_reference),
    "second-order": (lambda: HigherOrderCell(INPUT, HIDDEN, order=2), higher_order_reference),
    "clockwork": (lambda: ClockworkCell(INPUT, HIDDEN), clockwork_reference),
    "clockwork-odd": (
        lambda: ClockworkCell(INPUT, HIDDEN, periods=(2, 3, 4)),
        clockwork_reference,
    ),
    "echo-state": (lambda: EchoStateCell(INPUT, HIDDEN, **SPARSE), echo_state_reference),
    "echo-state-linear": (
        lambda: EchoStateCell(INPUT, HIDDEN, **SPARSE, nonlinearity="identity"),
        echo_state_reference,
    ),
    "lstm": (lambda: LSTMCell(INPUT, HIDDEN), lstm_reference),
    "peephole-lstm": (lambda: PeepholeLSTMCell(INPUT, HIDDEN), peephole_lstm_reference),
    "coupled-lstm": (lambda: CoupledLSTMCell(INPUT, HIDDEN), coupled_lstm_reference),
    "layer-norm-lstm": (lambda: LayerNormLSTMCell(INPUT, HIDDEN), layer_norm_lstm_reference),
    "slstm": (lambda: SLSTMCell(INPUT, HIDDEN), slstm_reference),
    "slstm-heads": (lambda: SLSTMCell(INPUT, HIDDEN, heads=3), slstm_reference),
    "min-lstm": (lambda: MinLSTMCell(INPUT, HIDDEN), min_lstm_reference),
    "gru": (lambda: GRUCell(INPUT, HIDDEN), gru_reference),
    "cho-gru": (lambda: ChoGRUCell(INPUT, HIDDEN), cho_gru_reference),
    "simple-gru": (lambda: SimpleGRUCell(INPUT, HIDDEN), simple_gru_reference),
    "layer-norm-gru": (lambda: LayerNormGRUCell(INPUT, HIDDEN), layer_norm_gru_reference),
    "minimal-gated": (lambda: MinimalGatedCell(INPUT, HIDDEN), minimal_gated_reference),
    "min-gru": (lambda: MinGRUCell(INPUT, HIDDEN), min_gru_reference),
    "sru": (lambda: SRUCell(INPUT, HIDDEN), sru_reference),
    "sru-same-size": (lambda: SRUCell(INPUT, INPUT), sru_reference),
    "lru": (lambda: LRUCell(INPUT, HIDDEN), lru_reference),
    "lru-output": (lambda: LRUCell(INPUT, HIDDEN, output_size=4), lru_reference),
}
"""For each cell and variant what builds it, and its transcription from (cell, sequence, state)."""
