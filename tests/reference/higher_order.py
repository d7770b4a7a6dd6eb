"""Soltani & Jiang 2016: the hidden layer sees the input and its own last N values."""

import numpy as np


def run(W_in, W_h, bias, sequence, h, past):
    """W_h holds one matrix a delay, 1 to N; `past` the values at the delays 2 to N."""
    history = [h, *np.split(np.array(past), len(W_h) - 1)]  # the latest first
    outputs = []
    for x in sequence:
        total = W_in @ x + bias
        for n, matrix in enumerate(W_h):
            total = total + matrix @ history[n]
        history.insert(0, np.tanh(total))
        outputs.append(history[0])
    return outputs, (history[0], np.concatenate(history[1 : len(W_h)]))
