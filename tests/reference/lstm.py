"""Gers, Schmidhuber & Cummins 2000, section 3: one memory block a cell, gate after gate.

Squashing functions g and h are tanh, as in the cell under test. Memory blocks of size one;
every gate sees all inputs and all block outputs of the step before, and a bias.
"""

import math


def logistic(total):
    return 1.0 / (1.0 + math.exp(-total))


def net(weights, gate, block, inputs, outputs):
    """The net input of a gate (in, phi, out) or of the cell (c) of one memory block."""
    total = weights["bias"][gate][block]
    total += sum(w * x for w, x in zip(weights["input"][gate][block], inputs, strict=True))
    return total + sum(
        w * y for w, y in zip(weights["recurrent"][gate][block], outputs, strict=True)
    )


def run(weights, sequence, outputs, cells):
    history = []
    for inputs in sequence:
        new_outputs, new_cells = [], []
        for block, previous in enumerate(cells):
            y_in = logistic(net(weights, "in", block, inputs, outputs))
            y_phi = logistic(net(weights, "phi", block, inputs, outputs))
            y_out = logistic(net(weights, "out", block, inputs, outputs))
            g = math.tanh(net(weights, "c", block, inputs, outputs))
            s_c = y_phi * previous + y_in * g
            new_cells.append(s_c)
            new_outputs.append(y_out * math.tanh(s_c))
        outputs, cells = new_outputs, new_cells
        history.append(outputs)
    return history, (outputs, cells)
