"""Tai, Socher & Manning 2015, equations 2 to 8, for one node."""

import numpy as np


def logistic(total):
    return 1.0 / (1.0 + np.exp(-total))


def node(W, U, b, x, children):
    """W, U and b hold the maps of `i`, `f`, `o` and `u`; children are pairs (h, c)."""
    x = np.zeros(W["i"].shape[1]) if x is None else x
    h_sum = sum((h for h, _ in children), start=np.zeros(len(b["i"])))
    i = logistic(W["i"] @ x + U["i"] @ h_sum + b["i"])
    o = logistic(W["o"] @ x + U["o"] @ h_sum + b["o"])
    u = np.tanh(W["u"] @ x + U["u"] @ h_sum + b["u"])
    c = i * u
    for h_k, c_k in children:
        c = c + logistic(W["f"] @ x + U["f"] @ h_k + b["f"]) * c_k
    return o * np.tanh(c), c
