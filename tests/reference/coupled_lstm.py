"""Greff et al. 2017: the LSTM block with f_t = 1 - i_t (CIFG), without peepholes."""

import numpy as np


def sigma(total):
    return 1.0 / (1.0 + np.exp(-total))


def run(W, R, b, sequence, y, c):
    """W, R and b hold the maps of block input (`z`), input gate (`i`) and output gate (`o`)."""
    outputs = []
    for x in sequence:
        z = np.tanh(W["z"] @ x + R["z"] @ y + b["z"])
        i = sigma(W["i"] @ x + R["i"] @ y + b["i"])
        f = 1 - i
        c = z * i + c * f
        o = sigma(W["o"] @ x + R["o"] @ y + b["o"])
        y = np.tanh(c) * o
        outputs.append(y)
    return outputs, (y, c)
