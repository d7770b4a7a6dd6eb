"""Jordan 1986: state units hold traces of the outputs, plan and state drive the hidden units.

Activations are logistic. The state is the decayed state plus the output of the step before.
"""

import math


def logistic(total):
    return 1.0 / (1.0 + math.exp(-total))


def run(weights, sequence, state, output, decay):
    outputs = []
    for plan in sequence:
        state = [decay * trace + last for trace, last in zip(state, output, strict=True)]
        hidden = []
        for unit, bias in enumerate(weights["hidden_bias"]):
            total = bias
            total += sum(w * value for w, value in zip(weights["plan"][unit], plan, strict=True))
            total += sum(w * value for w, value in zip(weights["state"][unit], state, strict=True))
            hidden.append(logistic(total))
        output = []
        for unit, bias in enumerate(weights["output_bias"]):
            total = bias
            total += sum(w * h for w, h in zip(weights["output"][unit], hidden, strict=True))
            output.append(logistic(total))
        outputs.append(output)
    return outputs, (state, output)
