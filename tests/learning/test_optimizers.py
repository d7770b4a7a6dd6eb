import numpy as np
import pytest
import torch
from torch import nn

from elman.learning import build_optimizer

RATE, MOMENTUM, SECOND, DECAY, EPSILON = 0.1, 0.8, 0.95, 0.2, 1e-8
START = np.array([0.5, -1.0, 2.0])


def gradient(weights):
    """Of the loss sum w^4 / 4 - w, which is no quadratic, so every step differs."""
    return weights**3 - 1


def run(name, steps, weight_decay=0.0):
    weights = nn.Parameter(torch.tensor(START))
    optimizer = build_optimizer(
        name,
        [weights],
        learning_rate=RATE,
        momentum=MOMENTUM,
        second_momentum=SECOND,
        weight_decay=weight_decay,
    )
    for _ in range(steps):
        weights.grad = gradient(weights.detach())
        optimizer.step()
    return weights.detach().numpy()


def sgd(steps, decay):
    w = START.copy()
    for _ in range(steps):
        w = w - RATE * (gradient(w) + decay * w)
    return w


def nesterov(steps, decay):
    # Sutskever et al. 2013 in the variable y = w + mu v, whose gradient is taken.
    y, velocity = START.copy(), np.zeros(3)
    for _ in range(steps):
        g = gradient(y) + decay * y
        velocity = MOMENTUM * velocity - RATE * g
        y = y + MOMENTUM * velocity - RATE * g
    return y


def rmsprop(steps, decay):
    w, mean_square = START.copy(), np.zeros(3)
    for _ in range(steps):
        g = gradient(w) + decay * w
        mean_square = SECOND * mean_square + (1 - SECOND) * g**2
        w = w - RATE * g / (np.sqrt(mean_square) + EPSILON)
    return w


def adagrad(steps, decay):
    w, squares = START.copy(), np.zeros(3)
    for _ in range(steps):
        g = gradient(w) + decay * w
        squares = squares + g**2
        w = w - RATE * g / np.sqrt(squares)
    return w


def adam(steps, decay):
    w, mean, mean_square = START.copy(), np.zeros(3), np.zeros(3)
    for t in range(1, steps + 1):
        g = gradient(w)
        mean = MOMENTUM * mean + (1 - MOMENTUM) * g
        mean_square = SECOND * mean_square + (1 - SECOND) * g**2
        unbiased, square = mean / (1 - MOMENTUM**t), mean_square / (1 - SECOND**t)
        w = w - RATE * decay * w - RATE * unbiased / (np.sqrt(square) + EPSILON)
    return w


@pytest.mark.parametrize("decay", [0.0, DECAY])
@pytest.mark.parametrize("steps", [1, 2, 5])
@pytest.mark.parametrize(
    "rule", [sgd, nesterov, rmsprop, adagrad, adam], ids=lambda rule: rule.__name__
)
def test_first_steps_follow_the_equations(rule, steps, decay):
    found = run(rule.__name__, steps, decay)
    np.testing.assert_allclose(found, rule(steps, decay), rtol=1e-9)
