"""The copy task: symbols are to be repeated after a long gap."""

import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import torch
from torch import Generator

from elman.cells import Cell, ElmanCell, GRUCell, IRNNCell, LRUCell, LSTMCell
from elman.data import Batch
from elman.learning import BPTT, build_optimizer
from elman.reproduce.classifier import SymbolPredictor
from elman.reproduce.experiment import Experiment, Row
from elman.reproduce.training import train

BATCH_SIZE = 32
CLIP = 1.0
SOLVED = 1e-3
"""Nats a step at which training ends."""
PAPER = "Arjovsky, Shah & Bengio 2016, Unitary evolution recurrent networks, section 4.1"


class System(NamedTuple):
    """A network by the name of its row.

    Args:
        build: makes its recurrent layer.
        learning_rate: of Adam.
        updates: the most updates to make.
    """

    build: Callable[[], Cell[Any]]
    learning_rate: float
    updates: int


class CopyTask(NamedTuple):
    """Symbols to repeat, and the gap before.

    Args:
        gap: T, steps between the last symbol to copy and the first of the copy; at least 1.
        copied: symbols to copy.
        kinds: of symbols, numbered from 0; the next two numbers are a blank that fills the gap
            and the request for the copy, its last step.
    """

    gap: int
    copied: int = 10
    kinds: int = 8

    @property
    def alphabet(self) -> int:
        """Symbols to tell apart, blank and request included."""
        return self.kinds + 2

    @property
    def steps(self) -> int:
        """Steps of a sequence."""
        return self.gap + 2 * self.copied

    @property
    def floor(self) -> float:
        """Nats a step of answering blanks and then guessing, the best without memory."""
        return self.copied * math.log(self.kinds) / self.steps

    def batch(self, batch_size: int, generator: Generator) -> Batch:
        """Draw sequences.

        Args:
            batch_size: sequences.
            generator: the source of randomness.

        Returns:
            Inputs `[steps, batch]`: the symbols, the gap, and blanks; targets: blanks, then the
            symbols.
        """
        symbols = torch.randint(self.kinds, (self.copied, batch_size), generator=generator)
        inputs = torch.full((self.steps, batch_size), self.kinds)
        targets = inputs.clone()
        inputs[: self.copied] = symbols
        inputs[self.copied + self.gap - 1] = self.kinds + 1
        targets[-self.copied :] = symbols
        return Batch(inputs, targets, None)


TASK, LONG_TASK = CopyTask(gap=100), CopyTask(gap=1000)


def ring(inputs: int, least: float) -> LRUCell:
    """Build a linear recurrent unit that forgets next to nothing over the gap.

    Args:
        inputs: features of each input vector.
        least: the least modulus of its eigenvalues; the largest is as close to 1 again by a
            hundredth.
    """
    return LRUCell(inputs, 128, min_radius=least, max_radius=1 - (1 - least) / 100)


def slow_gates(cell: GRUCell | LSTMCell, steps: int) -> Cell[Any]:
    r"""Start the gates of a cell so that its units remember for up to a number of steps.

    $$ b_f \sim \log \mathcal U(1, T - 1), \quad b_i = -b_f $$

    A GRU has one gate for both, z, which starts at $b_f$.

    Args:
        cell: the cell, whose biases change.
        steps: T.

    Returns:
        The cell.

    Reference:
        Tallec & Ollivier 2018, "Can recurrent neural networks warp time?" (chrono start).
    """
    units = cell.output_size
    bias = torch.empty(units).uniform_(1, steps - 1).log()
    with torch.no_grad():
        cell.input_map.bias[units : 2 * units] = bias  # an LSTM's forget gate, a GRU's z
        if isinstance(cell, LSTMCell):
            cell.input_map.bias[:units] = -bias
    return cell


def learn_to_copy(system: System, task: CopyTask, seed: int) -> float:
    """Train a network on the copy task, until it is solved or the updates are used up.

    Args:
        system: the network.
        task: the task.
        seed: of the sequences.

    Returns:
        Nats a step on 256 fresh sequences.
    """
    build, learning_rate, updates = system
    model = SymbolPredictor(build())
    optimizer = build_optimizer("adam", model.parameters(), learning_rate=learning_rate)
    generator = torch.Generator().manual_seed(seed)

    def loss() -> float:
        batch = task.batch(256, generator)
        with torch.no_grad():
            logits, _ = model(batch.inputs, model.initial_state(256))
            return float(model.criterion(logits, batch.targets))

    train(
        model,
        BPTT(optimizer, clip=CLIP),
        lambda: task.batch(BATCH_SIZE, generator),
        updates,
        solved=lambda: loss() <= SOLVED,
    )
    return loss()


def run(seed: int) -> Mapping[str, float]:
    """Train a network of each kind; see `EXPERIMENT`.

    Args:
        seed: of all draws.

    Returns:
        Nats a step by system.
    """
    inputs, steps = TASK.alphabet, TASK.steps
    systems = {
        "lru": System(lambda: ring(inputs, 0.99), 1e-3, 2000),
        "gru, slow gates": System(lambda: slow_gates(GRUCell(inputs, 64), steps), 5e-3, 4000),
        "lstm, slow gates": System(lambda: slow_gates(LSTMCell(inputs, 64), steps), 5e-3, 4000),
        "irnn": System(lambda: IRNNCell(inputs, 64), 1e-4, 1000),
        "elman": System(lambda: ElmanCell(inputs, 64), 1e-3, 1000),
    }
    losses = {name: learn_to_copy(system, TASK, seed) for name, system in systems.items()}
    return {"without memory": TASK.floor, **losses}


def run_long(seed: int) -> Mapping[str, float]:
    """Train over a gap ten times as long; see `LONG_EXPERIMENT`.

    Args:
        seed: of all draws.

    Returns:
        Nats a step by system.
    """
    system = System(lambda: ring(LONG_TASK.alphabet, 0.999), 1e-3, 4000)
    return {"without memory": LONG_TASK.floor, "lru": learn_to_copy(system, LONG_TASK, seed)}


EXPERIMENT = Experiment(
    paper=PAPER,
    setting="Ten of eight symbols repeated after T = 100 steps. LRU of 128 complex units with "
    "moduli from 0.99, GRU and LSTM of 64 units with gates that start slow (Tallec & Ollivier "
    "2018), IRNN and tanh Elman of 64; BPTT, Adam, fresh batches of 32, 2,000 updates (LRU), "
    "4,000 (GRU, LSTM) or 1,000, or until 0.001 nats a step. Target: below the floor of "
    "10 ln 8 / (T + 20), the best without memory, by a tenth.",
    rows=(
        Row("without memory", "nats a step", published=0.1733),
        Row("lru", "nats a step", target=0.9 * TASK.floor),
        Row("gru, slow gates", "nats a step", target=0.9 * TASK.floor),
        Row("lstm, slow gates", "nats a step"),
        Row("irnn", "nats a step"),
        Row("elman", "nats a step"),
    ),
    run=run,
)
"""The experiment."""

LONG_EXPERIMENT = Experiment(
    paper=PAPER,
    setting="As copy, with T = 1,000, an LRU with moduli from 0.999, and up to 4,000 updates.",
    rows=(
        Row("without memory", "nats a step", published=0.0204),
        Row("lru", "nats a step", target=0.9 * LONG_TASK.floor),
    ),
    run=run_long,
    seeds=1,
)
"""The experiment with the long gap."""
