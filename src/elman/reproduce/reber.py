"""The embedded Reber grammar: the last symbol but one repeats the second."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool
from torch import Tensor

from elman.cells import ElmanCell, LSTMCell
from elman.data import Batch
from elman.learning import BPTT, RTRL, Learner, TruncatedBPTT, build_optimizer
from elman.reproduce.classifier import NO_TARGET, SymbolPredictor, knows_successors
from elman.reproduce.experiment import Experiment, Row
from elman.reproduce.training import train

SYMBOLS = "BTPSXVE"
ARCS: tuple[dict[str, int], ...] = (
    {"B": 1},
    {"T": 2, "P": 3},
    {"S": 2, "X": 4},
    {"T": 3, "V": 5},
    {"X": 3, "S": 6},
    {"P": 4, "V": 6},
    {"E": 7},
)
"""The Reber grammar: from each state, the states by the symbols that lead there; 7 is the end."""
STRINGS = 256
"""Strings to test on."""
BATCH_SIZE, BATCHES, BATCH_RATE = 32, 3000, 1e-2
ONLINE_STRINGS, ONLINE_RATE = 2000, 5e-3


class GrammarString(NamedTuple):
    """A string of a grammar.

    Args:
        text: its symbols.
        successors: after each symbol but the last, those that may come next.
    """

    text: str
    successors: tuple[str, ...]


def draw_string(generator: np.random.Generator) -> GrammarString:
    """Draw a string of the embedded Reber grammar; all arcs from a state are equally likely.

    Args:
        generator: the source of randomness.

    Returns:
        `B`, `T` or `P`, a string of the Reber grammar, the same `T` or `P` again, `E`; with what
        may follow.
    """
    outer = "TP"[generator.integers(2)]
    text, successors = "B" + outer, ["TP"]
    state = 0
    while state < len(ARCS):
        arcs = ARCS[state]
        symbol = list(arcs)[generator.integers(len(arcs))]
        successors.append("".join(arcs))
        text += symbol
        state = arcs[symbol]
    return GrammarString(text + outer + "E", (*successors, outer, "E"))


def encode(strings: Sequence[GrammarString]) -> tuple[Batch, Bool[Tensor, "time batch symbols"]]:
    """Write strings as tensors.

    Args:
        strings: at least one.

    Returns:
        Symbols and what followed them, and which symbols may follow: none beyond the end.
    """
    steps = max(len(string.successors) for string in strings)
    inputs = torch.zeros(steps, len(strings), dtype=torch.long)
    targets = torch.full_like(inputs, NO_TARGET)
    allowed = torch.zeros(*inputs.shape, len(SYMBOLS), dtype=torch.bool)
    for row, (text, successors) in enumerate(strings):
        ids = torch.tensor([SYMBOLS.index(symbol) for symbol in text])
        inputs[: len(ids) - 1, row], targets[: len(ids) - 1, row] = ids[:-1], ids[1:]
        for step, symbols in enumerate(successors):
            allowed[step, row, [SYMBOLS.index(symbol) for symbol in symbols]] = True
    return Batch(inputs, targets, None), allowed


class Task:
    """Strings to test on, and fresh ones to learn from.

    Args:
        seed: of all strings.
    """

    def __init__(self, seed: int) -> None:
        self._generator = np.random.default_rng(seed)
        self.test, self.allowed = self._draw(STRINGS)

    def learn_in_batches(self, model: SymbolPredictor) -> float:
        """Train by backpropagation through whole strings, many at a time.

        Args:
            model: the model, whose weights change.

        Returns:
            See `share_known`.
        """
        learner = BPTT(_adam(model, BATCH_RATE), clip=1.0)
        train(
            model,
            learner,
            lambda: self._draw(BATCH_SIZE)[0],
            BATCHES,
            solved=lambda: self.share_known(model) == 1,
        )
        return self.share_known(model)

    def learn_online(self, model: SymbolPredictor, learner: Learner) -> float:
        """Train symbol by symbol, each string from a fresh state.

        Args:
            model: the model, whose weights change after every symbol.
            learner: the learning rule.

        Returns:
            See `share_known`.
        """
        for count in range(ONLINE_STRINGS):
            inputs, targets, _ = self._draw(1)[0]
            state = learner.initial_state(model, 1)
            for step in range(len(inputs)):
                batch = Batch(inputs[step : step + 1], targets[step : step + 1], None)
                state = learner.update(model, batch, state).state
            if count % 500 == 499 and self.share_known(model) == 1:
                break
        return self.share_known(model)

    def share_known(self, model: SymbolPredictor) -> float:
        """Measure a model.

        Args:
            model: the model.

        Returns:
            The share of the strings to test on of which every prediction is right.
        """
        return float(knows_successors(model, self.test.inputs, self.allowed).float().mean())

    def _draw(self, count: int) -> tuple[Batch, Bool[Tensor, "time batch symbols"]]:
        return encode([draw_string(self._generator) for _ in range(count)])


def _adam(model: SymbolPredictor, learning_rate: float) -> torch.optim.Optimizer:
    return build_optimizer("adam", model.parameters(), learning_rate=learning_rate)


def run(seed: int) -> Mapping[str, float]:
    """Train an LSTM and Elman networks; see `EXPERIMENT`.

    Args:
        seed: of all draws.

    Returns:
        Shares of strings by system.
    """
    task = Task(seed)
    lstm, whole, cut, forward = (
        SymbolPredictor(cell(len(SYMBOLS), units))
        for cell, units in ((LSTMCell, 12), (ElmanCell, 15), (ElmanCell, 15), (ElmanCell, 15))
    )
    return {
        "lstm, bptt": task.learn_in_batches(lstm),
        "elman, bptt": task.learn_in_batches(whole),
        "elman, tbptt(1, 1)": task.learn_online(
            cut, TruncatedBPTT(_adam(cut, ONLINE_RATE), horizon=1)
        ),
        "elman, rtrl": task.learn_online(forward, RTRL(_adam(forward, ONLINE_RATE), carried=True)),
    }


EXPERIMENT = Experiment(
    paper="Hochreiter & Schmidhuber 1997, Long short-term memory, table 1 (embedded Reber grammar)",
    setting="256 strings to test on; one is known if after each of its symbols those that may "
    "follow are more probable than the others. Training ends when all are known, as in the paper, "
    "or after 3,000 batches of 32 strings (by BPTT, Adam at 1e-2) or 2,000 strings symbol by "
    "symbol (Adam at 5e-3). LSTM of 12 units, Elman networks of 15; the paper's Elman network "
    "reaches back one step. Differs: strings to learn from are drawn afresh, there they are 256. "
    "Published: share of trials that succeeded.",
    rows=(
        Row("lstm, bptt", "share of strings", published=1.0, target=1.0, higher_is_better=True),
        Row("elman, bptt", "share of strings"),
        Row("elman, tbptt(1, 1)", "share of strings", published=0.0, target=0.9),
        Row("elman, rtrl", "share of strings"),
    ),
    run=run,
)
"""The experiment; its target for `elman, tbptt(1, 1)` is to stay well below."""
