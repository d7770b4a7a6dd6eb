"""The simplified GRU of teaching: weights act on the concatenation [c, x], as on the slides."""

import numpy as np


def run(W_c, W_u, b_c, b_u, sequence, c):
    outputs = []
    for x in sequence:
        both = np.concatenate([c, x])
        candidate = np.tanh(W_c @ both + b_c)
        gate = 1 / (1 + np.exp(-(W_u @ both + b_u)))
        c = gate * candidate + (1 - gate) * c
        outputs.append(c)
    return outputs, (c,)
