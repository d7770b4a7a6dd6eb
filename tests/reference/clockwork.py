"""Koutník et al. 2014, section 3: one matrix, upper block-triangular, and t MOD T_i."""

import numpy as np


def run(W_I, W_H, bias, periods, sequence, y, clock):
    """W_H is the whole matrix; blocks below its diagonal are zero. `clock` holds t."""
    size = len(y) // len(periods)
    t = round(clock[0])
    outputs = []
    for x in sequence:
        whole = np.tanh(W_H @ y + W_I @ x + bias)
        y = np.array(y)
        for module, period in enumerate(periods):
            if t % period == 0:
                y[module * size : (module + 1) * size] = whole[module * size : (module + 1) * size]
        outputs.append(y)
        t += 1
    return outputs, (y, [t % np.lcm.reduce(periods)])
