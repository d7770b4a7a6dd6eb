"""Socher et al. 2011, sections 3 and 4, for one node, unit by unit, its bias shared by leaves."""

import math


def product(matrix, vector, unit):
    return sum(w * value for w, value in zip(matrix[unit], vector, strict=True))


def pair(children, size):
    """Both children in one row; zeros stand for one that is not there."""
    return [value for child in children for value in child] + [0.0] * size * (2 - len(children))


def node(weights, x, children):
    """The vector of a node: of a leaf (an input, no children), or of a pair (no input)."""
    hidden = []
    for unit, total in enumerate(weights["b"]):
        if x is not None:
            total += product(weights["sem"], x, unit)
        total += product(weights["W"], pair(children, len(weights["b"])), unit)
        hidden.append(math.tanh(total))
    return hidden
