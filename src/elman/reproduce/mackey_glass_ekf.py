"""A net trained by a Kalman filter that goes on with a Mackey-Glass series of delay 30."""

from collections.abc import Mapping

import torch
from jaxtyping import Float
from torch import Tensor

from elman.data import Batch
from elman.data.mackey_glass import mackey_glass
from elman.learning import Annealing, BackwardDerivatives, ExtendedKalmanFilter, one_group
from elman.nn import RNN, SequenceRegressor
from elman.reproduce.experiment import Experiment, Row
from elman.reproduce.mackey_glass_esn import OF_TRIALS, TRIALS, WASHOUT, Network, error_ahead

TAU, HORIZON, STEPS = 30, 120, 21_000
INTERVAL = 6
"""Units of time between two inputs of the trained net; its 6 phases are streams."""
ROWS = 6
"""Streams of each phase."""
MEAN, DEVIATION = 0.9, 0.28
"""What the net's inputs are shifted and scaled by."""
UNITS, EPOCHS = 20, 12
RESERVOIR = Network(400, 0.0125, 0.79 / 0.9, 0.44 * 0.9, 0.56, STEPS, 1e-6)


def streams(series: Float[Tensor, " time"], rows: int) -> Float[Tensor, "time batch 1"]:
    """Cut a series into streams of one value every `INTERVAL` units of time.

    Args:
        series: one value a unit of time.
        rows: streams of each phase.
    """
    length = len(series) // (INTERVAL * rows)
    used = series[: length * INTERVAL * rows].view(rows, length, INTERVAL)
    return used.permute(1, 0, 2).flatten(1).unsqueeze(-1)


def train(series: Float[Tensor, " time"]) -> SequenceRegressor:
    """Train a net to predict the next value, by the global multi-stream filter.

    Args:
        series: one value a unit of time, normalised.
    """
    model = SequenceRegressor(RNN("elman", 1, UNITS), 1, sees_input=True).double()
    values = streams(series, ROWS)
    updates = EPOCHS * (len(values) - 1)
    rule = ExtendedKalmanFilter(
        one_group(model),
        BackwardDerivatives(horizon=10),
        initial_variance=100.0,
        measurement_noise=Annealing(1.0, 0.03, updates),
        process_noise=Annealing(1e-3, 1e-6, updates),
    )
    for _ in range(EPOCHS):
        state = rule.initial_state(model, values.shape[1])
        for now, following in zip(values[:-1, None], values[1:, None], strict=True):
            state = rule.update(model, Batch(now, following, None), state).state
    return model


@torch.no_grad()
def go_on(
    model: SequenceRegressor, told: Float[Tensor, "time batch 1"], steps: int
) -> Float[Tensor, "batch 1"]:
    """Tell a net the beginning of series and let it go on, fed with its own predictions.

    Args:
        model: the net.
        told: the beginnings.
        steps: how far it goes on.

    Returns:
        Its last prediction.
    """
    outputs, state = model(told, model.initial_state(told.shape[1]))
    present = outputs[-1:]
    for _ in range(steps - 1):
        present, state = model(present, state)
    return present[0]


def filtered_error(seed: int) -> tuple[float, float]:
    """Train a net by the filter and measure it on an unseen stretch.

    Args:
        seed: of the net and of the series.

    Returns:
        The root mean square error in the series' own coordinates, and the deviation of the series.
    """
    torch.manual_seed(seed)
    learnt = torch.from_numpy(mackey_glass(STEPS, TAU, seed=seed))
    model = train((learnt - MEAN) / DEVIATION)
    length = WASHOUT + HORIZON
    series = torch.from_numpy(mackey_glass(TRIALS * length, TAU, seed=seed + OF_TRIALS))
    first = (length - 1) % INTERVAL  # so that the last value is among those taken
    trials = series.view(TRIALS, length).T[first::INTERVAL].unsqueeze(-1)
    steps = HORIZON // INTERVAL
    found = go_on(model, (trials[:-steps] - MEAN) / DEVIATION, steps) * DEVIATION + MEAN
    return float((found - trials[-1]).square().mean().sqrt()), float(series.std())


def run(seed: int) -> Mapping[str, float]:
    """Measure both networks; see `Experiment.run`.

    Args:
        seed: of networks and series.

    Returns:
        Values by row.
    """
    values = {}
    for name, (error, deviation) in {
        "Elman, EKF": filtered_error(seed),
        "echo state": error_ahead(RESERVOIR, seed, tau=TAU, horizon=HORIZON),
    }.items():
        values[name] = error
        values[f"{name}, normalised"] = error / deviation
    return values


MEASURE = f"RMSE {HORIZON} units ahead"
NORMALISED = f"NRMSE {HORIZON} units ahead"
EXPERIMENT = Experiment(
    paper="Jaeger 2001, The 'echo state' approach to analysing and training recurrent neural "
    "networks (comparison with the literature for a delay of 30)",
    setting=f"Mackey-Glass series with a delay of 30, {STEPS:,} units of time to learn from. An "
    f"Elman network of {UNITS} units reads one value every {INTERVAL} units of time and is trained "
    f"to predict the next by the global extended Kalman filter with BPTT(10), {INTERVAL * ROWS} "
    f"streams an update, {EPOCHS} passes; {RESERVOIR.units} reservoir units read tanh(x - 1) every "
    f"unit of time. Told {WASHOUT:,} units of an unseen series, both go on alone, fed with their "
    f"own predictions. RMSE is in the units of the series at {HORIZON} units of time, over "
    f"{TRIALS} trials; NRMSE divides it by the standard deviation of the series.",
    rows=(
        Row("Elman, EKF", MEASURE, 0.040, 0.040),
        Row("Elman, EKF, normalised", NORMALISED),
        Row("echo state", MEASURE, 0.048, 0.048),
        Row("echo state, normalised", NORMALISED),
    ),
    run=run,
)
