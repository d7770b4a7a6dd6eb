"""How many past inputs a reservoir of N units can be made to say again."""

from collections.abc import Mapping
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from elman.cells import EchoStateCell
from elman.data import Batch
from elman.learning import Ridge
from elman.nn import RNN, SequenceRegressor
from elman.reproduce.experiment import Experiment, Row

LEARNT, HELD_OUT = 30_000, 30_000
"""Steps to fit readouts on, and steps to measure on."""
CHUNK = 5000
DELAYS = 3
"""Delays measured, as a multiple of the units; what is longer ago is forgotten."""
RIDGE = 1e-13
SIZES = (50, 100)


class System(NamedTuple):
    """A reservoir by the name of its rows.

    Args:
        spectral_radius: of the recurrent weights.
        orthogonal: whether these are a scaled random rotation; else drawn uniformly.
        squashed: whether the units are tanh; else linear.
    """

    spectral_radius: float
    orthogonal: bool
    squashed: bool


SYSTEMS = {
    "orthogonal": System(0.95, orthogonal=True, squashed=False),
    "random": System(0.9, orthogonal=False, squashed=False),
    "orthogonal, tanh": System(0.95, orthogonal=True, squashed=True),
    "random, tanh": System(0.9, orthogonal=False, squashed=True),
}


def build(system: System, units: int) -> EchoStateCell:
    """Draw a reservoir with one input.

    Args:
        system: its kind.
        units: N.

    Returns:
        The reservoir, in float64.
    """
    cell = EchoStateCell(
        1,
        units,
        spectral_radius=system.spectral_radius,
        density=1.0,
        input_scaling=0.1,
        nonlinearity="tanh" if system.squashed else "identity",
    ).double()
    if system.orthogonal:
        rotation, _ = torch.linalg.qr(torch.randn(units, units, dtype=torch.float64))
        assert isinstance(cell.recurrent_map, nn.Linear)
        cell.recurrent_map.weight.copy_(system.spectral_radius * rotation)
    return cell


def delayed(
    signal: Float[Tensor, " time"], first: int, last: int, delays: int
) -> Float[Tensor, "steps 1 delays"]:
    """Return the values 0, 1, ... steps ago, for the steps from `first` to before `last`.

    Args:
        signal: all of it.
        first: at least `delays` - 1.
        last: the end.
        delays: how many.
    """
    windows = signal[first - delays + 1 : last].unfold(0, delays, 1)
    return windows.flip(1).unsqueeze(1)


def memory_capacity(cell: EchoStateCell) -> float:
    """Measure the memory of a reservoir.

    Args:
        cell: a reservoir with one input.

    Returns:
        The squared correlation of readout and delayed input on held-out steps, summed over all
        delays, less what chance adds to the sum.
    """
    delays = DELAYS * cell.output_size
    model = SequenceRegressor(RNN(cell), delays).double().requires_grad_(False)
    signal = 2 * torch.rand(delays + LEARNT + HELD_OUT, dtype=torch.float64) - 1
    rule = Ridge(ridge=RIDGE)
    state = rule.initial_state(model, 1)
    _, at = model.rnn(signal[:delays].view(-1, 1, 1), state.position.state)
    state = state._replace(position=state.position._replace(state=at))
    middle = delays + LEARNT
    for first in range(delays, middle, CHUNK):
        wanted = delayed(signal, first, first + CHUNK, delays)
        inputs = signal[first : first + CHUNK].view(-1, 1, 1)
        state = rule.update(model, Batch(inputs, wanted, None), state).state
    said, _ = model(signal[middle:].view(-1, 1, 1), state.position.state)
    wanted = delayed(signal, middle, len(signal), delays)
    shares = squared_correlation(said[:, 0], wanted[:, 0])
    return float(shares.sum()) - delays / HELD_OUT


def squared_correlation(
    found: Float[Tensor, "steps series"], wanted: Float[Tensor, "steps series"]
) -> Float[Tensor, " series"]:
    """Return the share of variance that series have in common.

    Args:
        found: what was said.
        wanted: what should have been said.
    """
    found, wanted = found - found.mean(0), wanted - wanted.mean(0)
    return (found * wanted).sum(0).square() / (found.square().sum(0) * wanted.square().sum(0))


def run(seed: int) -> Mapping[str, float]:
    """Measure all reservoirs; see `Experiment.run`.

    Args:
        seed: of weights and inputs.

    Returns:
        Values by row.
    """
    torch.manual_seed(seed)
    return {
        f"{name}, N = {units}": memory_capacity(build(system, units))
        for units in SIZES
        for name, system in SYSTEMS.items()
    }


def rows() -> tuple[Row, ...]:
    """Return the rows: the linear reservoir with orthogonal weights must reach N to 1 %."""
    found = []
    for units in SIZES:
        for name, system in SYSTEMS.items():
            exact = units if name == "orthogonal" else None
            linear = None if system.squashed else float(units)
            found.append(
                Row(
                    f"{name}, N = {units}",
                    "memory capacity",
                    published=linear,
                    target=None if exact is None else 0.99 * exact,
                    higher_is_better=True,
                )
            )
    return tuple(found)


EXPERIMENT = Experiment(
    paper="Jaeger 2002, Short term memory in echo state networks, the bound N, which "
    "linear reservoirs reach",
    setting=f"Uniform white noise into N units; readouts for the inputs 0 to {DELAYS}N - 1 steps "
    f"ago fitted on {LEARNT:,} steps and measured on the next {HELD_OUT:,}, float64, ridge "
    f"{RIDGE:g}. 'orthogonal': a random rotation times 0.95; 'random': uniform weights, spectral "
    "radius 0.9; input weights up to 0.1. The published values are the theorem's; what float64 "
    "cannot tell apart is lost. The target is N less 1 %.",
    rows=rows(),
    run=run,
)
