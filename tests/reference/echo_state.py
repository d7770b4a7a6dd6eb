"""Jaeger 2001, equation 1, with leaky units: W, W_in and W_back are three matrices."""

import numpy as np


def run(weights, leak, squash, sequence, x):
    """Inputs u and wanted outputs y of the step before stand side by side in the sequence."""
    width = weights["in"].shape[1]
    outputs = []
    for both in sequence:
        u, y = both[:width], both[width:]
        total = weights["in"] @ u + weights["W"] @ x + weights["back"] @ y + weights["bias"]
        x = (1 - leak) * np.array(x) + leak * squash(total)
        outputs.append(x)
    return outputs, (x,)
