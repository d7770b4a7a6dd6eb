"""Feng et al. 2024, section 3.2, algorithm of the sequential mode."""

import numpy as np


def logistic(total):
    return 1.0 / (1.0 + np.exp(-total))


def run(W, b, sequence, h):
    """W and b hold the maps of the gates `f` and `i` and of the candidate (`h`)."""
    outputs = []
    for x in sequence:
        f = logistic(W["f"] @ x + b["f"])
        i = logistic(W["i"] @ x + b["i"])
        f, i = f / (f + i), i / (f + i)
        h = f * h + i * (W["h"] @ x + b["h"])
        outputs.append(h)
    return outputs, (h,)
