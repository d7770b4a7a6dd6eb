"""Echo state networks that go on with the Mackey-Glass series by themselves."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from elman.cells import ClosedLoopCell, ClosedLoopState, EchoStateCell
from elman.data import Batch
from elman.data.mackey_glass import mackey_glass
from elman.engine import unroll
from elman.learning import Ridge
from elman.nn import RNN, SequenceRegressor
from elman.reproduce.experiment import Experiment, Row

BIAS = 0.2
"""The constant input."""
WASHOUT = 1000
"""First steps that are not learnt from, and steps that the network is told before it goes on."""
HORIZON, TRIALS = 84, 50
CHUNK = 100
"""Steps whose units are kept at once."""
OF_TRIALS = 1_000_000
"""What is added to the seed for a stretch of the series that was not learnt."""


@dataclass(frozen=True)
class Network:
    """A reservoir with output feedback and how it is trained.

    Args:
        units: of the reservoir.
        density: share of its connections.
        spectral_radius: of its weights.
        leak: rate of its units.
        feedback: bound of the weights of the previous output.
        steps: of the series, with those washed out.
        ridge: penalty of the readout.
    """

    units: int
    density: float
    spectral_radius: float
    leak: float
    feedback: float
    steps: int
    ridge: float


REPORT = Network(
    units=400,
    density=0.0125,
    spectral_radius=0.79 / 0.9,
    leak=0.44 * 0.9,
    feedback=0.56,
    steps=3000,
    ridge=1e-15,
)
"""That of the report, whose units decay by 0.44 x 0.9 and grow by 0.44: the same as with one rate
and weights divided by 0.9."""
STRONGER = replace(REPORT, feedback=1.0)
NETWORKS = {
    "400 units": STRONGER,
    "400 units, feedback 0.56": REPORT,
    "400 units, 21,000 steps": replace(STRONGER, steps=21000),
    "1,000 units": replace(STRONGER, units=1000, density=0.01, spectral_radius=0.8 / 0.9),
}


def squash(series: Float[Tensor, "*axes"]) -> Float[Tensor, "*axes"]:
    """Return tanh(x - 1), which lies within -1 and 1.

    Args:
        series: the Mackey-Glass series.
    """
    return torch.tanh(series - 1)


def unsquash(values: Float[Tensor, "*axes"]) -> Float[Tensor, "*axes"]:
    """Return the series in its own coordinates.

    Args:
        values: what `squash` returns; values beyond those of the series are cut off.
    """
    return torch.atanh(values.clamp(-0.999, 0.999)) + 1


def with_bias(values: Float[Tensor, "time batch"]) -> Float[Tensor, "time batch input"]:
    """Return the network's inputs: the constant and the output of the step before.

    Args:
        values: that output.
    """
    return torch.stack([torch.full_like(values, BIAS), values], dim=-1)


def train(network: Network, series: Float[Tensor, " time"]) -> SequenceRegressor:
    """Draw a network and learn its readout with the series as its output.

    Args:
        network: the settings.
        series: squashed, one step more than is learnt.

    Returns:
        The network, which reads units, constant and previous output.
    """
    cell = EchoStateCell(
        2,
        network.units,
        feedback_size=1,
        spectral_radius=network.spectral_radius,
        density=network.density,
        leak=network.leak,
        input_scaling=0.14,
        feedback_scaling=network.feedback,
    )
    model = SequenceRegressor(RNN(cell), 1, sees_input=True).double().requires_grad_(False)
    rule = Ridge(ridge=network.ridge, washout=WASHOUT)
    batch = Batch(with_bias(series[:-1, None]), series[1:, None, None], None)
    rule.update(model, batch, rule.initial_state(model, 1))
    return model


def go_on(
    model: SequenceRegressor, told: Float[Tensor, "time batch"], steps: int
) -> Float[Tensor, "time batch"]:
    """Tell a network the beginning of each series, and let it go on alone.

    Args:
        model: the network.
        told: the beginnings, squashed.
        steps: how far it goes on, at least 2.

    Returns:
        What it says, squashed.
    """
    before, last = with_bias(told[:-1]), with_bias(told[-1:])
    state = model.initial_state(told.shape[1])
    for chunk in before.split(CHUNK):
        _, state = model.rnn(chunk, state)
    first, state = model(last, state)
    ((inner,),) = state
    cell = model.rnn.layers[0][0]  # type: ignore[index]
    loop = ClosedLoopCell(cell, model.readout)
    constant = torch.full((steps - 1, told.shape[1], 1), BIAS, dtype=told.dtype)
    rest, _ = unroll(loop, constant, ClosedLoopState(inner, first[0]))
    return torch.cat([first, rest])[..., 0]


def error_ahead(network: Network, seed: int, *, tau: int, horizon: int) -> tuple[float, float]:
    """Measure how far a network is from the series after it was left alone.

    Args:
        network: the settings.
        seed: of the network and of the series.
        tau: delay of the series.
        horizon: steps after the last one that the network was told.

    Returns:
        The root mean square error there over the trials, in the series' own coordinates, and the
        standard deviation of the series.
    """
    torch.manual_seed(seed)
    learnt = torch.from_numpy(mackey_glass(network.steps + 1, tau, seed=seed))
    model = train(network, squash(learnt))
    length = WASHOUT + horizon
    series = torch.from_numpy(mackey_glass(TRIALS * length, tau, seed=seed + OF_TRIALS))
    trials = series.view(TRIALS, length).T  # [time, batch]
    found = unsquash(go_on(model, squash(trials[:WASHOUT]), horizon)[-1])
    return float((found - trials[-1]).square().mean().sqrt()), float(series.std())


def run(seed: int) -> Mapping[str, float]:
    """Measure all networks; see `Experiment.run`.

    Args:
        seed: of networks and series.

    Returns:
        Values by row.
    """
    values = {}
    for name, network in NETWORKS.items():
        error, deviation = error_ahead(network, seed, tau=17, horizon=HORIZON)
        values[name] = error / deviation
    return values


MEASURE = f"NRMSE {HORIZON} steps ahead"
EXPERIMENT = Experiment(
    paper="Jaeger 2001, The 'echo state' approach to analysing and training recurrent neural "
    "networks, sections 6.1, 6.2, 6.4 (400 units); Jaeger & Haas 2004, Harnessing nonlinearity "
    "(1,000 units)",
    setting=f"Delay 17. Networks hear their own output and a constant {BIAS:g}, readouts of units, "
    f"constant and previous output are learnt by ridge regression (1e-15, float64) on 3,000 steps "
    f"of tanh(x - 1), the first {WASHOUT:,} left out, without noise; {TRIALS} stretches are told "
    f"for {WASHOUT:,} steps each and continued {HORIZON}. Errors in the series' own coordinates "
    "over its standard deviation. The sizes, radius and rates of the report; its feedback weights "
    "reach to 0.56, here to 1. Differs: uniform weights; Runge-Kutta in place of Euler; 50 trials "
    "(the report: 20).",
    rows=(
        Row("400 units", MEASURE, 2.8e-4, 2.8e-4),
        Row("400 units, feedback 0.56", MEASURE, 2.8e-4),
        Row("400 units, 21,000 steps", MEASURE, 1.2e-4),
        Row("1,000 units", MEASURE, 10**-4.2, 10**-4.2),
    ),
    run=run,
)
