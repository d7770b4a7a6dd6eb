"""Elman 1990, figure 2: hidden units see the input and a copy of themselves, unit by unit."""

import math


def squash(name, total):
    return math.tanh(total) if name == "tanh" else max(0.0, total)


def step(weights, inputs, context, nonlinearity):
    """One time step of one row; context units hold the hidden units of the step before."""
    hidden = []
    for unit in range(len(context)):
        total = weights["bias"][unit]
        for line, value in enumerate(inputs):
            total += weights["input"][unit][line] * value
        for line, value in enumerate(context):
            total += weights["context"][unit][line] * value
        hidden.append(squash(nonlinearity, total))
    return hidden, hidden  # the output, and the next context


def run(weights, sequence, context, nonlinearity="tanh"):
    outputs = []
    for inputs in sequence:
        output, context = step(weights, inputs, context, nonlinearity)
        outputs.append(output)
    return outputs, (context,)
