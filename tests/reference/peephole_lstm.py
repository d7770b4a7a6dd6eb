"""Gers & Schmidhuber 2000: memory blocks of size one, whose gates see their own cell.

Input and forget gates see the cell's state of the step before, the output gate the new one.
Squashing functions g and h are tanh, as in the cell under test.
"""

import math

from reference.lstm import logistic, net


def run(weights, peepholes, sequence, outputs, cells):
    """`peepholes` holds one weight a block for the gates `in`, `phi` and `out`."""
    history = []
    for inputs in sequence:
        new_outputs, new_cells = [], []
        for block, previous in enumerate(cells):
            nets = {
                gate: net(weights, gate, block, inputs, outputs)
                for gate in ("in", "phi", "c", "out")
            }
            y_in = logistic(nets["in"] + peepholes["in"][block] * previous)
            y_phi = logistic(nets["phi"] + peepholes["phi"][block] * previous)
            s_c = y_phi * previous + y_in * math.tanh(nets["c"])
            y_out = logistic(nets["out"] + peepholes["out"][block] * s_c)
            new_cells.append(s_c)
            new_outputs.append(y_out * math.tanh(s_c))
        outputs, cells = new_outputs, new_cells
        history.append(outputs)
    return history, (outputs, cells)
