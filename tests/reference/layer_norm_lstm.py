"""Ba, Kiros & Hinton 2016, supplementary material: the LSTM with layer normalisation."""

import math

import numpy as np


def logistic(total):
    return 1.0 / (1.0 + np.exp(-total))


def normalise(summed, gain, bias, epsilon=1e-5):
    """Equation 4 of the paper, feature by feature, with the epsilon of its published code."""
    mean = sum(summed) / len(summed)
    deviation = math.sqrt(sum((a - mean) ** 2 for a in summed) / len(summed) + epsilon)
    features = zip(summed, gain, bias, strict=True)
    return np.array([g * (a - mean) / deviation + b for a, g, b in features])


def run(W_h, W_x, norms, sequence, h, c):
    """`norms` holds gain and bias of the normalised W_h h (1), W_x x (2) and c (3)."""
    outputs = []
    for x in sequence:
        gates = normalise(W_h @ h, *norms[1]) + normalise(W_x @ x, *norms[2])
        i, f, g, o = np.split(gates, 4)
        c = logistic(f) * c + logistic(i) * np.tanh(g)
        h = logistic(o) * np.tanh(normalise(c, *norms[3]))
        outputs.append(h)
    return outputs, (h, c)
