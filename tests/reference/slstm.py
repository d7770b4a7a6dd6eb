"""Beck et al. 2024, equations 8 to 14: cells and normaliser without a stabiliser.

Recurrent matrices are whole, with zeros between heads. States come and go in the form of
equations 15 to 17, scaled by exp(-m).
"""

import numpy as np


def sigma(total):
    return 1.0 / (1.0 + np.exp(-total))


def run(W, R, b, sequence, h, c, n, m):
    """W, R and b hold the maps of the cell input (`z`) and of the gates `i`, `f` and `o`."""
    c, n = np.exp(m) * c, np.exp(m) * n
    outputs = []
    for x in sequence:
        before = {gate: W[gate] @ x + R[gate] @ h + b[gate] for gate in "zifo"}
        z, i = np.tanh(before["z"]), np.exp(before["i"])
        f, o = sigma(before["f"]), sigma(before["o"])
        c = f * c + i * z
        n = f * n + i
        h = o * (c / n)
        m = np.maximum(np.log(f) + m, np.log(i))
        outputs.append(h)
    return outputs, (h, c / np.exp(m), n / np.exp(m), m)
