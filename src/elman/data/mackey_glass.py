"""The Mackey-Glass series, a chaotic signal from a delay differential equation."""

import numpy as np
from jaxtyping import Float

STEPS = 10
"""Integration steps of one unit of time."""
HISTORY = (0.5, 1.5)
"""Range of the constant value before the first moment."""


def mackey_glass(
    length: int, tau: int, *, seed: int, transient: int = 1000
) -> Float[np.ndarray, " length"]:
    r"""Integrate the Mackey-Glass equation and sample it once a unit of time.

    $$ \dot x(t) = \frac{0.2\, x(t - \tau)}{1 + x(t - \tau)^{10}} - 0.1\, x(t) $$

    Before the first moment $x$ is constant, drawn uniformly from 0.5 to 1.5. The series is chaotic
    above a delay of about 17 and stays between about 0.2 and 1.4.

    Args:
        length: samples to return, at least 1.
        tau: the delay, in units of time, at least 1.
        seed: of the constant value; each seed gives another stretch of the attractor.
        transient: units of time to integrate and throw away first, from 0.

    Returns:
        The samples $x(transient), x(transient + 1), ...$

    Raises:
        ValueError: if an argument lies outside its range.

    Reference:
        Mackey & Glass 1977, "Oscillation and chaos in physiological control systems"; the
        constants and the sampling of Jaeger 2001, "The 'echo state' approach to analysing and
        training recurrent neural networks". Differs: a fourth-order Runge-Kutta step of 0.1 in
        place of an Euler step of 0.1.
    """
    for name, value, least in (("length", length, 1), ("tau", tau, 1), ("transient", transient, 0)):
        if value < least:
            raise ValueError(f"mackey_glass: {name} must be at least {least}, got {value}.")
    start = float(np.random.default_rng(seed).uniform(*HISTORY))
    path = _integrate(start, STEPS * tau, STEPS * (transient + length - 1))
    return np.asarray(path[STEPS * transient :: STEPS])


def _integrate(start: float, delay: int, count: int) -> list[float]:
    """Return the path after 0, 1, ... `count` steps of the classical Runge-Kutta method."""
    h = 1 / STEPS
    x, path = start, [start] * (delay + 1)  # one delay ago is path[step]
    middles = [start] * delay
    growth = _growth(start)
    for step in range(count):
        k1 = growth - 0.1 * x
        growth = _growth(middles[step])
        k2 = growth - 0.1 * (x + h / 2 * k1)
        k3 = growth - 0.1 * (x + h / 2 * k2)
        growth = _growth(path[step + 1])
        k4 = growth - 0.1 * (x + h * k3)
        following = x + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
        # The cubic with the values and slopes of both ends.
        slope = growth - 0.1 * following
        middles.append((x + following) / 2 + h / 8 * (k1 - slope))
        x = following
        path.append(x)
    return path[delay:]


def _growth(past: float) -> float:
    return 0.2 * past / (1 + past**10)
