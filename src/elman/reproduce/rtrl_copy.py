"""A copy task learnt online: exact RTRL against truncated BPTT with a short horizon."""

from collections.abc import Iterator, Mapping

import torch
from torch import Generator

from elman.cells import GRUCell
from elman.data import Batch
from elman.learning import RTRL, Cosine, Learner, TruncatedBPTT, build_optimizer
from elman.reproduce.classifier import SymbolPredictor
from elman.reproduce.copying import CopyTask
from elman.reproduce.experiment import Experiment, Row
from elman.reproduce.training import train

TASK = CopyTask(gap=8, copied=3, kinds=2)
HIDDEN_SIZE = 16
ROWS = 16
STRIDE, HORIZON = 2, 4
"""Steps between updates, of both rules, and steps that the truncated one reaches back."""
UPDATES = 6000
LEARNING_RATE = 1e-2
CLIP = 1.0
SOLVED = 0.999
"""Share of symbols at which training ends."""


def stream(task: CopyTask, rows: int, generator: Generator) -> Iterator[Batch]:
    """Give sequences of the copy task one after the other, without end.

    Args:
        task: the task; its steps must be a multiple of `STRIDE`.
        rows: sequences side by side.
        generator: the source of randomness.

    Yields:
        The next `STRIDE` steps of every row.
    """
    while True:
        inputs, targets, _ = task.batch(rows, generator)
        for step in range(0, task.steps, STRIDE):
            yield Batch(inputs[step : step + STRIDE], targets[step : step + STRIDE], None)


def share_copied(model: SymbolPredictor, task: CopyTask, generator: Generator) -> float:
    """Measure a model on a stream.

    Args:
        model: the model.
        task: the task.
        generator: the source of randomness.

    Returns:
        The share of copied symbols that are right, over ten sequences of 100 rows, the first of
        which it has to begin without a state from before.
    """
    state = model.initial_state(100)
    right = []
    with torch.no_grad():
        for _ in range(10):
            inputs, targets, _ = task.batch(100, generator)
            logits, state = model(inputs, state)
            answers = logits[-task.copied :, :, : task.kinds].argmax(-1)
            right.append((answers == targets[-task.copied :]).float().mean())
    return float(torch.stack(right).mean())


def learn(model: SymbolPredictor, learner: Learner, seed: int) -> float:
    """Train a model on the stream, and measure it.

    Args:
        model: the model, whose weights change every `STRIDE` steps.
        learner: the learning rule.
        seed: of the sequences.

    Returns:
        See `share_copied`.
    """
    generator = Generator().manual_seed(seed)
    batches = stream(TASK, ROWS, generator)
    train(
        model,
        learner,
        lambda: next(batches),
        UPDATES,
        schedule=Cosine(UPDATES),
        solved=lambda: share_copied(model, TASK, generator) >= SOLVED,
        every=700,
    )
    return share_copied(model, TASK, generator)


def run(seed: int) -> Mapping[str, float]:
    """Train the same network by both rules; see `EXPERIMENT`.

    Args:
        seed: of all draws.

    Returns:
        Shares of copied symbols that are right, by rule.
    """
    results = {"guessing": 1 / TASK.kinds}
    for rule in ("rtrl", "tbptt(2, 4)"):
        torch.manual_seed(seed)
        model = SymbolPredictor(GRUCell(TASK.alphabet, HIDDEN_SIZE))
        optimizer = build_optimizer("adam", model.parameters(), learning_rate=LEARNING_RATE)
        learner: Learner = (
            RTRL(optimizer, carried=True, clip=CLIP)
            if rule == "rtrl"
            else TruncatedBPTT(optimizer, horizon=HORIZON, clip=CLIP)
        )
        results[rule] = learn(model, learner, seed)
    return results


EXPERIMENT = Experiment(
    paper="Menick et al. 2020, Practical real time recurrent learning with a sparse approximation "
    "to the Jacobian (the copy task; there of growing length and in bits)",
    setting="Three bits repeated after a gap of 8 steps, in an endless stream of 16 rows that is "
    "learnt online: a GRU of 16 units, Adam from 1e-2 down, updates every 2 steps, at most 6,000. "
    "Exact RTRL reaches back without bound, truncated BPTT 4 steps, both from the same weights "
    "over the same stream.",
    rows=(
        Row("guessing", "share of bits"),
        Row("rtrl", "share of bits", target=0.95, higher_is_better=True),
        Row("tbptt(2, 4)", "share of bits", target=0.75),
    ),
    run=run,
)
"""The experiment; its target for truncated BPTT is not to learn the task."""
