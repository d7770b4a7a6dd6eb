"""What a classifier learns from."""

import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional as F

from elman.data.tables import LabelledText
from elman.errors import DataError
from elman.metrics import ClassificationSummary, classification_summary
from elman.tasks.batches import Batches, shuffled_by_length
from elman.tasks.classification.answers import score
from elman.tasks.classification.batches import ClassifierBatch, EncodedItem, make_batch
from elman.tasks.classification.calibration import fit_temperature
from elman.tasks.classification.config import ClassificationConfig
from elman.tasks.classification.cutting import UNITS, is_longer
from elman.tasks.classification.network import Classifier
from elman.tasks.classification.vocabulary import Vocabulary
from elman.tasks.held_out import hold_out
from elman.tasks.task import Validation


@dataclass(frozen=True)
class ClassificationData:
    """Items to learn from, and items to measure on.

    Args:
        train: the items to learn from.
        valid: the items to measure on.
        batch_size: items of a batch.
        seed: of the order of the items, a new one each epoch.
    """

    train: Sequence[EncodedItem]
    valid: Sequence[EncodedItem]
    batch_size: int
    seed: int

    def batches(self, epoch: int) -> Sequence[ClassifierBatch]:
        """Return the batches of an epoch; see `TrainingData.batches`."""
        draw = np.random.default_rng((self.seed, epoch))
        lengths = [len(item.steps) for item in self.train]
        return Batches(self.train, shuffled_by_length(lengths, self.batch_size, draw), make_batch)

    def measures(self, loss: float) -> Mapping[str, float]:
        """Return nothing: a loss of classes says no more; see `TrainingData.measures`."""
        return {}

    def validate(self, model: Classifier, device: torch.device) -> Validation:
        """Fit the temperature on the held-out items, and measure; see `TrainingData.validate`."""
        logits, _ = score(model, self.valid, device)
        labels = np.array([item.label for item in self.valid])
        known = labels >= 0
        model.temperature.fill_(fit_temperature(logits[known], labels[known]))
        found = summarise(logits / float(model.temperature), labels)
        measures = {
            "accuracy": found["accuracy"],
            "macro_f1": found["macro_f1"],
            "calibration_error": found["calibration_error"],
        }
        return Validation(found["loss"], measures)


def summarise(logits: np.ndarray, labels: np.ndarray) -> ClassificationSummary:
    """Measure logits; see `classification_summary`.

    Args:
        logits: `[items, classes]`, after the temperature.
        labels: the true classes, negative where the model does not know them.

    Returns:
        The measures.
    """
    return classification_summary(F.log_softmax(torch.from_numpy(logits), dim=1).numpy(), labels)


def hold_out_of_each(rows: list[LabelledText]) -> tuple[list[LabelledText], list[LabelledText]]:
    """Hold out the last tenth of each class, for files are often sorted by class.

    Args:
        rows: of all classes.

    Returns:
        The rows to learn from and those held out.

    Raises:
        DataError: if there is one row only.
    """
    counts = Counter(row.label for row in rows)
    seen: Counter[str] = Counter()
    kept: list[LabelledText] = []
    held: list[LabelledText] = []
    for row in rows:
        seen[row.label] += 1
        last = seen[row.label] > counts[row.label] - counts[row.label] // 10
        (held if last else kept).append(row)
    return (kept, held) if held else hold_out(rows, "row")


def tell_of_odd(
    config: ClassificationConfig, vocabulary: Vocabulary, rows: Sequence[LabelledText]
) -> None:
    """Warn of rows that are read in another way than a person may expect, with their number.

    Args:
        config: the settings.
        vocabulary: what the model knows.
        rows: the rows.
    """
    empty = [row for row in rows if not row.text.strip()]
    long = [row for row in rows if is_longer(config, row.text)]
    unseen = [row for row in rows if vocabulary.encode_label(row.label) < 0]
    names = ", ".join(sorted({repr(row.label) for row in unseen})[:10])
    for found, what in (
        (empty, "rows have an empty text; the model answers them like any other."),
        (
            long,
            f"rows have more than {config.max_length} {UNITS[config.unit]}; "
            "their middle is left out.",
        ),
        (unseen, f"rows have labels that were not learnt ({names}); they count as wrong."),
    ):
        if found:
            warnings.warn(f"{len(found)} {what} The first: {found[0].where}.", stacklevel=2)


def tell_of_rare(rows: Sequence[LabelledText]) -> None:
    """Warn of classes that are learnt from a single row.

    Args:
        rows: the rows to learn from.
    """
    rare = sorted(c for c, count in Counter(row.label for row in rows).items() if count == 1)
    if rare:
        named = ", ".join(map(repr, rare[:10]))
        warnings.warn(f"{len(rare)} classes have one row to learn from: {named}.", stacklevel=2)


def check_known(rows: Sequence[LabelledText], vocabulary: Vocabulary) -> None:
    """See to it that something can be measured.

    Args:
        rows: held out.
        vocabulary: what the model knows.

    Raises:
        DataError: if no label is among those learnt.
    """
    if all(vocabulary.encode_label(row.label) < 0 for row in rows):
        raise DataError(
            f"no held-out row has a label that is learnt; the first has {rows[0].label!r}."
        )
