"""The GRU of cuDNN's user guide (RNN forward, mode GRU): reset after the recurrent product.

i_t = s(W_i x_t + R_i h + b_Wi + b_Ri), r_t = s(W_r x_t + R_r h + b_Wr + b_Rr),
h'_t = tanh(W_h x_t + r_t o (R_h h + b_Rh) + b_Wh), h_t = (1 - i_t) o h'_t + i_t o h.
"""

import numpy as np


def logistic(total):
    return 1.0 / (1.0 + np.exp(-total))


def run(W, R, b_W, b_R, sequence, h):
    outputs = []
    for x in sequence:
        i = logistic(W["i"] @ x + R["i"] @ h + b_W["i"] + b_R["i"])
        r = logistic(W["r"] @ x + R["r"] @ h + b_W["r"] + b_R["r"])
        new = np.tanh(W["h"] @ x + r * (R["h"] @ h + b_R["h"]) + b_W["h"])
        h = (1 - i) * new + i * h
        outputs.append(h)
    return outputs, (h,)
