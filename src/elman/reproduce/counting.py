"""The context-sensitive language a^n b^n c^n, and how far beyond its lengths networks count."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from jaxtyping import Bool
from torch import Generator, Tensor

from elman.cells import Cell, ElmanCell, GRUCell, LSTMCell, PeepholeLSTMCell
from elman.data import Batch
from elman.learning import BPTT, Cosine, build_optimizer
from elman.reproduce.classifier import NO_TARGET, SymbolPredictor, knows_successors
from elman.reproduce.experiment import Experiment, Row
from elman.reproduce.training import train

START, A, B, C, END = range(5)
LONGEST = 40
"""The largest n to learn from."""
FARTHEST = 1000
"""The largest n to test on."""
BATCH_SIZE = 16
UPDATES = 6000
LEARNING_RATE = 1e-2
CLIP = 1.0


def encode(numbers: Sequence[int]) -> tuple[Batch, Bool[Tensor, "time batch symbols"]]:
    """Write strings of the language as tensors.

    Args:
        numbers: n of each string, from 1.

    Returns:
        Symbols and what followed them, and which symbols may follow: none beyond the end.
    """
    steps = 3 * max(numbers) + 1
    inputs = torch.full((steps, len(numbers)), START)
    targets = torch.full_like(inputs, NO_TARGET)
    allowed = torch.zeros(steps, len(numbers), END + 1, dtype=torch.bool)
    for row, n in enumerate(numbers):
        string = torch.tensor([START, *n * [A], *n * [B], *n * [C], END])
        inputs[: 3 * n + 1, row], targets[: 3 * n + 1, row] = string[:-1], string[1:]
        allowed[torch.arange(3 * n + 1), row, string[1:]] = True
        allowed[1 : n + 1, row, A : B + 1] = True  # after an a, another or the first b
    return Batch(inputs, targets, None), allowed


def counts_to(model: SymbolPredictor, farthest: int) -> int:
    """Find out how far a model counts.

    Args:
        model: the model.
        farthest: the largest n to try.

    Returns:
        The largest n up to which it knows what may follow each symbol of every string; 0 if not
        even of the first.
    """
    reached = 0
    while reached < farthest:
        numbers = range(reached + 1, min(reached + 20, farthest) + 1)
        batch, allowed = encode(numbers)
        wrong = (~knows_successors(model, batch.inputs, allowed)).nonzero()
        if len(wrong) > 0:
            return reached + int(wrong[0])
        reached = numbers[-1]
    return reached


def learn_to_count(cell: Cell[Any], seed: int) -> int:
    """Train a network on strings of n up to `LONGEST`.

    Args:
        cell: its recurrent layer, of an input for each of the five symbols.
        seed: of the strings.

    Returns:
        See `counts_to`.
    """
    model = SymbolPredictor(cell)
    optimizer = build_optimizer("adam", model.parameters(), learning_rate=LEARNING_RATE)
    generator = Generator().manual_seed(seed)

    def next_batch() -> Batch:
        numbers = torch.randint(1, LONGEST + 1, (BATCH_SIZE,), generator=generator)
        return encode(numbers.tolist())[0]

    train(model, BPTT(optimizer, clip=CLIP), next_batch, UPDATES, schedule=Cosine(UPDATES))
    return counts_to(model, FARTHEST)


def run(seed: int) -> Mapping[str, float]:
    """Train a network of each kind; see `EXPERIMENT`.

    Args:
        seed: of all draws.

    Returns:
        The largest n by system.
    """
    return {
        "peephole-lstm": learn_to_count(PeepholeLSTMCell(END + 1, 6), seed),
        "lstm": learn_to_count(LSTMCell(END + 1, 6), seed),
        "gru": learn_to_count(GRUCell(END + 1, 8), seed),
        "elman": learn_to_count(ElmanCell(END + 1, 12), seed),
    }


EXPERIMENT = Experiment(
    paper="Gers & Schmidhuber 2001, LSTM recurrent networks learn simple context-free and "
    "context-sensitive languages (a^n b^n c^n; best of the networks trained to n = 40)",
    setting="Strings a^n b^n c^n of n = 1 to 40; the largest n (of 1,000 tried) up to which after "
    "every symbol of all strings those that may follow are more probable than the others. LSTMs "
    "of 6 units, GRU of 8, Elman network of 12; Adam at 1e-2 falling to nothing over 6,000 batches "
    "of 16 strings. Differs: Adam and batches in place of online SGD.",
    rows=(
        Row("peephole-lstm", "largest n", published=500, target=40, higher_is_better=True),
        Row("lstm", "largest n"),
        Row("gru", "largest n"),
        Row("elman", "largest n"),
    ),
    run=run,
)
"""The experiment."""
