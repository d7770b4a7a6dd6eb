"""Ba, Kiros & Hinton 2016, supplementary material: the GRU with layer normalisation."""

import numpy as np

from reference.layer_norm_lstm import logistic, normalise


def run(W_h, W_x, U, W, norms, sequence, h):
    """`norms` holds gain and bias of W_h h (1), W_x x (2), W x (3) and U h (4)."""
    outputs = []
    for x in sequence:
        gates = normalise(W_h @ h, *norms[1]) + normalise(W_x @ x, *norms[2])
        r, z = np.split(logistic(gates), 2)
        candidate = np.tanh(normalise(W @ x, *norms[3]) + r * normalise(U @ h, *norms[4]))
        h = (1 - z) * h + z * candidate
        outputs.append(h)
    return outputs, (h,)
