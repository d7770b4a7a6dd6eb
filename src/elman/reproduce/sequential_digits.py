"""Handwritten digits read as sequences, by every cell."""

from collections.abc import Mapping
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Generator, Tensor

from elman.cells import CELLS
from elman.data import Batch
from elman.errors import MissingExtraError
from elman.learning import BPTT, Cosine, build_optimizer
from elman.nn import RNN
from elman.reproduce.classifier import NO_TARGET, SequenceClassifier
from elman.reproduce.experiment import Experiment, Row
from elman.reproduce.training import train

SIDE = 8
DIGITS = 10
WAYS = {"by pixel": 1, "by row": SIDE}
"""Pixels of a time step by the names of the rows."""
HIDDEN_SIZE = 64
BATCH_SIZE = 64
UPDATES = 600
LEARNING_RATE = 5e-3
CLIP = 1.0


class Digits(NamedTuple):
    """Pictures of digits.

    Args:
        pixels: `[digits, 64]`, from 0 to 1, row after row.
        labels: what they show.
    """

    pixels: Float[Tensor, "digits pixels"]
    labels: Int[Tensor, " digits"]

    def sequences(self, width: int) -> Batch:
        """Return the pictures as sequences.

        Args:
            width: pixels of a time step.

        Returns:
            Inputs `[64 / width, digits, width]`; the label as the target of the last step.
        """
        inputs = self.pixels.unflatten(1, (-1, width)).transpose(0, 1).contiguous()
        targets = torch.full(inputs.shape[:2], NO_TARGET)
        targets[-1] = self.labels
        return Batch(inputs, targets, None)

    def some(self, places: Int[Tensor, " chosen"]) -> "Digits":
        """Return the pictures at some places.

        Args:
            places: from 0.
        """
        return Digits(self.pixels[places], self.labels[places])


def load_digits() -> Digits:
    """Load the 1,797 digits of 8 by 8 pixels that come with scikit-learn.

    Returns:
        The digits, in its order.

    Raises:
        MissingExtraError: if scikit-learn is not installed.
    """
    try:
        from sklearn.datasets import load_digits as load
    except ImportError:
        raise MissingExtraError(
            "scikit-learn", "baselines", "for the digits of sequential-digits"
        ) from None
    found = load()
    return Digits(torch.from_numpy(found.data).float() / 16, torch.from_numpy(found.target).long())


def learn_to_read(name: str, width: int, digits: Digits, seed: int) -> float:
    """Train a network on four fifths of the digits.

    Args:
        name: its cell, a key of `CELLS`.
        width: pixels of a time step.
        digits: all digits.
        seed: of the split and of the batches.

    Returns:
        The share of the others that it reads right.
    """
    generator = Generator().manual_seed(seed)
    order = torch.randperm(len(digits.labels), generator=generator)
    held_out = len(order) // 5
    test, training = digits.some(order[:held_out]), digits.some(order[held_out:])
    model = SequenceClassifier(RNN(name, width, HIDDEN_SIZE), DIGITS)
    weights = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = build_optimizer("adam", weights, learning_rate=LEARNING_RATE)

    def next_batch() -> Batch:
        chosen = torch.randint(len(training.labels), (BATCH_SIZE,), generator=generator)
        return training.some(chosen).sequences(width)

    train(model, BPTT(optimizer, clip=CLIP), next_batch, UPDATES, schedule=Cosine(UPDATES))
    inputs, targets, _ = test.sequences(width)
    with torch.no_grad():
        logits, _ = model(inputs, model.initial_state(held_out))
    return float((logits[-1].argmax(-1) == targets[-1]).float().mean())


def run(seed: int) -> Mapping[str, float]:
    """Train every cell in both ways; see `EXPERIMENT`.

    Args:
        seed: of all draws.

    Returns:
        Accuracy by cell and way.

    Raises:
        MissingExtraError: if scikit-learn is not installed.
    """
    digits = load_digits()
    results = {}
    for name in CELLS:
        for way, width in WAYS.items():
            torch.manual_seed(seed)
            results[f"{name}, {way}"] = learn_to_read(name, width, digits, seed)
    return results


EXPERIMENT = Experiment(
    paper="Le, Jaitly & Hinton 2015, A simple way to initialize recurrent networks, section 4.2 "
    "(reading pictures pixel by pixel; there 28 by 28, no published numbers for these)",
    setting="The 8 by 8 digits of scikit-learn as 64 steps of one pixel or 8 steps of one row, "
    "1,438 to learn from and 359 to test on, drawn anew for each seed; every cell with 64 units "
    "(the reservoir's weights stay as drawn), a readout after the last step, Adam at 5e-3 falling "
    "to nothing over 600 batches of 64.",
    rows=tuple(Row(f"{name}, {way}", "accuracy") for name in CELLS for way in WAYS),
    run=run,
)
"""The experiment; all cells are trained alike, so none is trained at its best."""
