"""Socher et al. 2013, section 4.3, for one node: the tensor slice by slice."""

import math

from reference.recursive import pair, product


def node(weights, x, children):
    """The vector of a leaf is that of the recursive network; a pair adds its products."""
    hidden = []
    for unit, bias in enumerate(weights["b"]):
        total = bias
        if x is not None:
            total += product(weights["sem"], x, unit)
        both = pair(children, len(weights["b"]))
        total += product(weights["W"], both, unit)
        for i, one in enumerate(both):
            for j, other in enumerate(both):
                total += one * weights["V"][unit][i][j] * other
        hidden.append(math.tanh(total))
    return hidden
