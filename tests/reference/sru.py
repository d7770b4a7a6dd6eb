"""Lei et al. 2018, equations 1 to 4 with v_f = v_r = 0, unit by unit."""

import math


def logistic(total):
    return 1.0 / (1.0 + math.exp(-total))


def product(matrix, vector, j):
    return sum(w * value for w, value in zip(matrix[j], vector, strict=True))


def run(W, W_f, W_r, b_f, b_r, W_s, sequence, c):
    """W_s maps the input to the highway, and is the unit matrix where the sizes agree."""
    outputs = []
    for x in sequence:
        h, new = [], []
        for j, previous in enumerate(c):
            f = logistic(product(W_f, x, j) + b_f[j])
            r = logistic(product(W_r, x, j) + b_r[j])
            new.append(f * previous + (1 - f) * product(W, x, j))
            h.append(r * new[j] + (1 - r) * product(W_s, x, j))
        c = new
        outputs.append(h)
    return outputs, (c,)
