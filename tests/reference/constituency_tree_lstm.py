"""Tai, Socher & Manning 2015, equations 9 to 14, for one node."""

import numpy as np

from reference.child_sum_tree_lstm import logistic


def node(W, U, b, x, children):
    """U holds a map for each place: U["i"][l]; those of the forget gates are U["f"][k][l]."""
    x = np.zeros(W["i"].shape[1]) if x is None else x

    def net(gate, maps):
        from_children = sum(maps[place] @ h for place, (h, _) in enumerate(children))
        return W[gate] @ x + from_children + b[gate]

    i, o = logistic(net("i", U["i"])), logistic(net("o", U["o"]))
    c = i * np.tanh(net("u", U["u"]))
    for place, (_, c_k) in enumerate(children):
        c = c + logistic(net("f", U["f"][place])) * c_k
    return o * np.tanh(c), c
