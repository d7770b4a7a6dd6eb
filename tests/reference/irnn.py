"""Le, Jaitly & Hinton 2015, section 3: rectified units, identity recurrence, zero bias."""

import numpy as np


def initial_recurrence(units, scale):
    return [[scale if row == column else 0.0 for column in range(units)] for row in range(units)]


def run(weights, sequence, hidden):
    outputs = []
    for inputs in sequence:
        hidden = np.maximum(
            0.0, weights["context"] @ hidden + weights["input"] @ inputs + weights["bias"]
        )
        outputs.append(hidden)
    return outputs, (hidden,)
