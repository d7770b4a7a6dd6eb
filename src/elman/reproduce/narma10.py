"""The NARMA system of order 10, by reservoirs, trained cells, and delay lines as the control."""

from collections.abc import Callable, Mapping
from itertools import combinations_with_replacement
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from elman.cells import Cell, EchoStateCell, ElmanCell, GRUCell, LSTMCell
from elman.data import Batch
from elman.learning import BPTT, Cosine, Ridge, build_optimizer
from elman.nn import RNN, SequenceRegressor
from elman.reproduce.experiment import Experiment, Row
from elman.reproduce.training import train

ORDER = 10
WASHOUT, LEARNT, HELD_OUT = 200, 2000, 2000
LIMIT = 1.0
"""A series that goes beyond runs away, as the system is not stable, and is drawn again."""
LAGS = 30
"""Inputs of the delay lines."""
RESERVOIRS = (100, 400)
UNITS, UPDATES, LEARNING_RATE = 32, 3000, 0.01
FORGET_BIAS = 3.0
"""Of the LSTM, whose cells then begin by keeping what they have for about 20 steps."""
WINDOW, WARM = 200, 30
"""Steps of the pieces that trained cells learn from, and those at their beginning without loss."""


CELLS: Mapping[str, Callable[[], Cell[Any]]] = {
    "elman": lambda: ElmanCell(1, UNITS),
    "gru": lambda: GRUCell(1, UNITS),
    "lstm": lambda: LSTMCell(1, UNITS, forget_bias=FORGET_BIAS),
}
"""Fresh trained cells by the names of the rows."""


class Passed(nn.Module):
    """A model whose readout reads its inputs as they are.

    Args:
        width: features of the inputs.
    """

    criterion = SequenceRegressor.criterion
    errors = SequenceRegressor.errors

    def __init__(self, width: int) -> None:
        super().__init__()
        self.readout = nn.Linear(width, 1)

    def initial_state(self, batch_size: int) -> tuple[()]:
        """Return nothing, for nothing is kept.

        Args:
            batch_size: rows of the batch.
        """
        return ()

    def readout_inputs(
        self, inputs: Float[Tensor, "time batch input"], state: tuple[()]
    ) -> tuple[Float[Tensor, "time batch input"], tuple[()]]:
        """Return the inputs.

        Args:
            inputs: `[time, batch, input]`.
            state: nothing.
        """
        return inputs, state

    def forward(
        self, inputs: Float[Tensor, "time batch input"], state: tuple[()]
    ) -> tuple[Float[Tensor, "time batch output"], tuple[()]]:
        """Predict; arguments as in `readout_inputs`."""
        return self.readout(inputs), state


def narma10(
    length: int, generator: torch.Generator
) -> tuple[Float[Tensor, " time"], Float[Tensor, " time"]]:
    r"""Draw an input and run the system on it.

    $$ y_{t+1} = 0.3 y_t + 0.05 y_t \sum_{i=0}^{9} y_{t-i} + 1.5 u_{t-9} u_t + 0.1 $$

    Args:
        length: steps.
        generator: of the input, uniform in [0, 0.5].

    Returns:
        The inputs $u_t$ and the outputs $y_{t+1}$, which are to be predicted.

    Reference:
        Atiya & Parlos 2000, "New results on recurrent network training".
    """
    while True:
        given = torch.rand(length, dtype=torch.float64, generator=generator) / 2
        u, y = given.tolist(), [0.0] * ORDER
        for t in range(length):
            product = u[t] * u[t - ORDER + 1] if t >= ORDER - 1 else 0.0
            y.append(0.3 * y[-1] + 0.05 * y[-1] * sum(y[-ORDER:]) + 1.5 * product + 0.1)
            if y[-1] > LIMIT:
                break
        else:
            return given, torch.tensor(y[ORDER:], dtype=torch.float64)


def delay_line(
    signal: Float[Tensor, " time"], *, products: bool
) -> Float[Tensor, "time 1 features"]:
    """Return the last inputs of each step, zero before the beginning.

    Args:
        signal: the inputs.
        products: let the products of all pairs of them follow, with the squares.
    """
    padded = torch.cat([signal.new_zeros(LAGS - 1), signal])
    lags = padded.unfold(0, LAGS, 1)
    if products:
        pairs = torch.tensor(list(combinations_with_replacement(range(LAGS), 2)))
        lags = torch.cat([lags, lags[:, pairs[:, 0]] * lags[:, pairs[:, 1]]], dim=1)
    return lags.unsqueeze(1)


def by_ridge(
    model: Passed | SequenceRegressor,
    inputs: Float[Tensor, "time 1 input"],
    wanted: Float[Tensor, " time"],
    ridge: float,
) -> float:
    """Learn a readout on the first part of a series and measure on the rest.

    Args:
        model: the model.
        inputs: what it is given.
        wanted: what it should say.
        ridge: penalty of the readout.

    Returns:
        The error of `nrmse`.
    """
    model.double().requires_grad_(False)
    split = WASHOUT + LEARNT
    rule = Ridge(ridge=ridge, washout=WASHOUT)
    batch = Batch(inputs[:split], wanted[:split].view(-1, 1, 1), None)
    rule.update(model, batch, rule.initial_state(model, 1))
    said, _ = model(inputs, model.initial_state(1))
    return nrmse(said[split:, 0, 0], wanted[split:])


def by_gradient(
    cell: Cell[Any], given: Float[Tensor, " time"], wanted: Float[Tensor, " time"]
) -> float:
    """Train a cell by BPTT on pieces of the first part of a series and measure on the rest.

    Args:
        cell: with one input.
        given: the inputs.
        wanted: what it should say.

    Returns:
        The error of `nrmse`.
    """
    split = WASHOUT + LEARNT
    learnt = wanted[WASHOUT:split]
    inputs = (4 * given - 1).float().view(-1, 1, 1)
    scaled = ((wanted - learnt.mean()) / learnt.std()).float().view(-1, 1, 1)
    pieces = [(start - WARM, start + WINDOW) for start in range(WASHOUT, split, WINDOW)]
    targets = torch.cat([scaled[first:last] for first, last in pieces], dim=1)
    targets[:WARM] = torch.nan
    batch = Batch(torch.cat([inputs[first:last] for first, last in pieces], dim=1), targets, None)
    model = SequenceRegressor(RNN(cell), 1)
    optimizer = build_optimizer("adam", model.parameters(), learning_rate=LEARNING_RATE)
    rule = BPTT(optimizer, clip=1.0)
    train(model, rule, lambda: batch, UPDATES, schedule=Cosine(UPDATES))
    with torch.no_grad():
        said, _ = model(inputs, model.initial_state(1))
    return nrmse(said[split:, 0, 0], scaled[split:, 0, 0])


def nrmse(said: Float[Tensor, " time"], wanted: Float[Tensor, " time"]) -> float:
    """Return the root mean square error over the standard deviation.

    Args:
        said: what a model says.
        wanted: what it should say.
    """
    return float((said - wanted).square().mean().sqrt() / wanted.std(correction=0))


def run(seed: int) -> Mapping[str, float]:
    """Measure all systems on one series; see `Experiment.run`.

    Args:
        seed: of weights and series.

    Returns:
        Values by row.
    """
    torch.manual_seed(seed)
    generator = torch.Generator().manual_seed(seed)
    given, wanted = narma10(WASHOUT + LEARNT + HELD_OUT, generator)
    values = {}
    for name, products, ridge in (
        ("delay line", False, 1e-8),
        ("delay line, products", True, 1e-4),
    ):
        inputs = delay_line(given, products=products)
        values[name] = by_ridge(Passed(inputs.shape[-1]), inputs, wanted, ridge)
    for units in RESERVOIRS:
        cell = EchoStateCell(1, units, spectral_radius=0.99, input_scaling=0.1, bias_scaling=0.2)
        model = SequenceRegressor(RNN(cell), 1, sees_input=True)
        values[f"echo state, {units}"] = by_ridge(model, given.view(-1, 1, 1), wanted, 1e-8)
    for name, build in CELLS.items():
        values[name] = by_gradient(build(), given, wanted)
    return values


MEASURE = "NRMSE"
EXPERIMENT = Experiment(
    paper="Atiya & Parlos 2000, New results on recurrent network training (the system); Appeltant "
    "et al. 2011, Information processing using a single dynamical node as complex system (the "
    "error of the delay line)",
    setting=f"Input uniform in [0, 0.5]; {LEARNT:,} steps learnt after {WASHOUT}, the next "
    f"{HELD_OUT:,} measured, as RMSE over standard deviation; a series beyond {LIMIT:g} is drawn "
    f"again. Delay line: ridge regression on the last {LAGS} inputs, then with all their squares "
    "and products. Reservoirs: spectral radius 0.99, input weights to 0.1, biases to 0.2, density "
    f"0.1; the readout sees the input. Trained: {UNITS} units, BPTT over pieces of {WINDOW} steps, "
    f"Adam, {UPDATES:,} updates of all of them, rate {LEARNING_RATE:g}; LSTM forget bias "
    f"{FORGET_BIAS:g}. The published error is the best of a linear delay line.",
    rows=(
        Row("delay line", MEASURE, published=0.4),
        Row("delay line, products", MEASURE),
        *(Row(f"echo state, {units}", MEASURE) for units in RESERVOIRS),
        *(Row(name, MEASURE) for name in CELLS),
    ),
    run=run,
)
