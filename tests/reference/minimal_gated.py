"""Zhou et al. 2016, equations 4 to 6: weights act on the concatenations [h, x] and [f h, x]."""

import numpy as np


def run(W_f, W_h, b_f, b_h, sequence, h):
    outputs = []
    for x in sequence:
        f = 1 / (1 + np.exp(-(W_f @ np.concatenate([h, x]) + b_f)))
        candidate = np.tanh(W_h @ np.concatenate([f * h, x]) + b_h)
        h = (1 - f) * h + f * candidate
        outputs.append(h)
    return outputs, (h,)
