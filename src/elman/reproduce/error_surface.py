"""The error surface of a network of one unit, its wall, and descent across it."""

import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from elman.reproduce.experiment import Experiment, Row

STEPS, FIRST, WANTED = 50, 0.5, 0.7
START = (6.2, -2.6)
"""Weight and bias on the flat side, from where the valley lies across the wall."""
RATE, CLIP, UPDATES = 2.0, 0.2, 60
AROUND = 0.05
"""Bound of how far seeds move the start."""


def one_unit_error(weight: Tensor, bias: Tensor) -> Tensor:
    r"""Return the error of a network of one unit without inputs.

    $$ x_t = w \sigma(x_{t-1}) + b, \quad E = (\sigma(x_{50}) - 0.7)^2, \quad x_0 = 0.5 $$

    Args:
        weight: w, of any shape.
        bias: b, of the same shape.

    Returns:
        E, of that shape.

    Reference:
        Pascanu, Mikolov & Bengio 2013, "On the difficulty of training recurrent neural networks",
        section 2.3 and figure 6.
    """
    x = torch.full_like(weight, FIRST)
    for _ in range(STEPS):
        x = weight * x.sigmoid() + bias
    return (x.sigmoid() - WANTED).square()


def descend(start: tuple[float, float], clip: float) -> Float[np.ndarray, "steps 4"]:
    """Follow the gradient down the surface.

    Args:
        start: weight and bias.
        clip: the largest norm of the gradient; larger ones are scaled down to it.

    Returns:
        Weight, bias, error and gradient norm before each update and after the last.
    """
    point = torch.tensor(start, dtype=torch.float64, requires_grad=True)
    path = []
    for _ in range(UPDATES + 1):
        error = one_unit_error(point[0], point[1])
        (gradient,) = torch.autograd.grad(error, point)
        norm = float(gradient.norm())
        path.append([*point.tolist(), float(error.detach()), norm])
        with torch.no_grad():
            point -= RATE * min(1.0, clip / max(norm, 1e-300)) * gradient
    return np.array(path)


def run(seed: int) -> Mapping[str, float]:
    """Descend from near the start with and without clipping; see `Experiment.run`.

    Args:
        seed: of the start.

    Returns:
        Values by row.
    """
    moved = np.random.default_rng(seed).uniform(-AROUND, AROUND, 2)
    start = (START[0] + moved[0], START[1] + moved[1])
    free, clipped = descend(start, math.inf), descend(start, CLIP)
    return {
        "steepest gradient met": free[:, 3].max(),
        "longest update, no clipping": np.hypot(*np.diff(free[:, :2], axis=0).T).max(),
        "longest update, clipped": np.hypot(*np.diff(clipped[:, :2], axis=0).T).max(),
        "error, no clipping": free[-1, 2],
        "error, clipped": clipped[-1, 2],
    }


def draw(folder: Path) -> Mapping[str, Path]:
    """Draw the surface and both paths; see `Experiment.draw`.

    Args:
        folder: where to.

    Returns:
        The picture.
    """
    from elman.plots import error_surface

    weights, biases = np.linspace(3.0, 8.5, 221), np.linspace(-4.0, -1.0, 181)
    grid = [torch.from_numpy(part) for part in np.meshgrid(weights, biases)]
    paths = {
        "no clipping": descend(START, math.inf)[:, :3],
        f"clipped at {CLIP}": descend(START, CLIP)[:, :3],
    }
    path = folder / "error_surface.png"
    error_surface(weights, biases, one_unit_error(*grid).numpy(), paths, path)
    return {"error surface": path}


EXPERIMENT = Experiment(
    paper="Pascanu, Mikolov & Bengio 2013, On the difficulty of training recurrent neural "
    "networks, figure 6",
    setting=f"One unit without inputs, {STEPS} steps, {UPDATES} steps of gradient descent at rate "
    f"{RATE} from about w = {START[0]}, b = {START[1]}, with and without clipping the gradient's "
    f"norm at {CLIP}. The paper shows the picture and no numbers.",
    rows=(
        Row("steepest gradient met", "norm"),
        Row("longest update, no clipping", "distance"),
        Row("longest update, clipped", "distance"),
        Row("error, no clipping", "after the last update"),
        Row("error, clipped", "after the last update"),
    ),
    run=run,
    draw=draw,
)
