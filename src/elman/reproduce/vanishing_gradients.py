"""Vanishing and exploding gradients of five cells before any training."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float

from elman.cells import Cell, ClockworkCell, ElmanCell, find_cell
from elman.engine import unroll
from elman.nn.jacobian import JacobianTrace, trace_jacobian
from elman.reproduce.experiment import Experiment, Row

INPUTS, UNITS, STEPS, SEQUENCES = 8, 64, 100, 32
LAGS = slice(50, 66)
"""Time lags of which the largest gradient counts: slow clocks tick at one of them."""
GAIN = 3.0
"""Factor of the recurrent weights that make an Elman network's gradients explode."""
PERIODS = tuple(2**index for index in range(8))
CELLS = ("elman", "elman, large weights", "irnn", "lstm", "gru", "clockwork")


def build(name: str) -> Cell[Any]:
    """Build a cell with fresh weights.

    Args:
        name: of `CELLS`.

    Returns:
        The cell, in float64, for norms far below the range of float32.
    """
    if name == "clockwork":
        return ClockworkCell(INPUTS, UNITS, periods=PERIODS).double()
    if name == "elman, large weights":
        cell = ElmanCell(INPUTS, UNITS).double()
        with torch.no_grad():
            cell.recurrent_map.weight *= GAIN
        return cell
    return find_cell(name)(INPUTS, UNITS).double()


def gradient_norms(cell: Cell[Any]) -> Float[np.ndarray, " lags"]:
    """Measure how far back the last output reaches.

    Args:
        cell: the cell.

    Returns:
        The norm of the gradient of a random projection of the last output with respect to the
        inputs at lags 0, 1, ..., the mean over random sequences.
    """
    inputs = torch.randn(STEPS, SEQUENCES, INPUTS, dtype=torch.float64, requires_grad=True)
    outputs, _ = unroll(cell, inputs)
    loss = (outputs[-1] * torch.randn_like(outputs[-1])).sum()
    (gradient,) = torch.autograd.grad(loss, inputs)
    return gradient.norm(dim=-1).mean(dim=1).flip(0).numpy()


def jacobians(cell: Cell[Any]) -> JacobianTrace:
    """Follow the recurrent Jacobian along one random sequence.

    Args:
        cell: the cell.

    Returns:
        Its spectral radius and singular values.
    """
    inputs = torch.randn(STEPS, 1, INPUTS, dtype=torch.float64)
    start = cell.initial_state(1)
    return trace_jacobian(lambda x, state: unroll(cell, x, state), inputs, start, count=STEPS)


def run(seed: int) -> Mapping[str, float]:
    """Measure all cells; see `Experiment.run`.

    Args:
        seed: of weights and inputs.

    Returns:
        Values by row.
    """
    torch.manual_seed(seed)
    values = {}
    for name in CELLS:
        norms = gradient_norms(build(name))
        values[name] = math.log10(norms[LAGS].max() / norms[0])
    return values


def draw(folder: Path) -> Mapping[str, Path]:
    """Draw gradients by lag and Jacobians along a sequence; see `Experiment.draw`.

    Args:
        folder: where to.

    Returns:
        The pictures.
    """
    from elman.plots import Spectrum, gradient_norm_by_lag, recurrent_jacobians

    torch.manual_seed(1)
    cells = {name: build(name) for name in CELLS}
    norms = {name: gradient_norms(cell) for name, cell in cells.items()}
    spectra = {}
    for name, cell in cells.items():
        steps, radius, values = jacobians(cell)
        spectra[name] = Spectrum(steps, radius.numpy(), values.numpy())
    pictures = {
        "gradient by time lag": folder / "gradient_by_lag.png",
        "recurrent Jacobian": folder / "recurrent_jacobian.png",
    }
    gradient_norm_by_lag(norms, pictures["gradient by time lag"])
    recurrent_jacobians(spectra, pictures["recurrent Jacobian"])
    return pictures


EXPERIMENT = Experiment(
    paper="Pascanu, Mikolov & Bengio 2013, On the difficulty of training recurrent neural "
    "networks, section 2",
    setting=f"{UNITS} units before any training, {STEPS} steps of random inputs: the gradient of "
    f"the last output with respect to inputs {LAGS.start} to {LAGS.stop - 1} steps before, the "
    "largest, relative to the last input's. "
    f"'large weights': recurrent weights times {GAIN:g}. Clockwork periods 1 to {PERIODS[-1]}. "
    "The paper has no numbers.",
    rows=tuple(Row(name, "log10 of the gradient's norm") for name in CELLS),
    run=run,
    draw=draw,
)
