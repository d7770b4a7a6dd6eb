"""Cho et al. 2014, equations 5 to 8, for the j-th hidden unit, with a bias added to each sum."""

import math


def logistic(total):
    return 1.0 / (1.0 + math.exp(-total))


def product(matrix, vector, j):
    return sum(w * value for w, value in zip(matrix[j], vector, strict=True))


def run(W, U, b, sequence, h):
    """W, U and b hold the maps of `r`, `z` and the candidate (`h`)."""
    outputs = []
    units = range(len(h))
    for x in sequence:
        r = [logistic(product(W["r"], x, j) + product(U["r"], h, j) + b["r"][j]) for j in units]
        z = [logistic(product(W["z"], x, j) + product(U["z"], h, j) + b["z"][j]) for j in units]
        reset = [r[j] * h[j] for j in units]
        new = [
            math.tanh(product(W["h"], x, j) + product(U["h"], reset, j) + b["h"][j]) for j in units
        ]
        h = [z[j] * h[j] + (1 - z[j]) * new[j] for j in units]
        outputs.append(h)
    return outputs, (h,)
