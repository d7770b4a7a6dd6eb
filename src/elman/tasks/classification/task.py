"""Classification as a task: prepared from tables, saved, measured, answered."""

import warnings
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any, ClassVar, Self, TypeVar

import numpy as np
import torch

from elman.data.tables import LabelledText, read_table
from elman.metrics import ClassificationSummary
from elman.tasks.classification import data
from elman.tasks.classification.answers import score
from elman.tasks.classification.batches import EncodedItem
from elman.tasks.classification.config import ClassificationConfig
from elman.tasks.classification.cutting import UNITS, is_longer, pieces
from elman.tasks.classification.encoders import Embedded, Standardised
from elman.tasks.classification.network import Classifier
from elman.tasks.classification.vocabulary import FIRST, Vocabulary
from elman.tasks.task import Batching, Finding, Sources, Task, WordVectors
from elman.tasks.word_vectors import start_vectors

Part = TypeVar("Part", Embedded, Standardised)

READ_AHEAD = 2048
"""Inputs that are sorted by length together; bounds the memory."""


class ClassificationTask(Task):
    """A classifier with its vocabulary.

    Args:
        config: the settings.
        vocabulary: what it knows.
    """

    kind: ClassVar[str] = "classify"
    config_class: ClassVar[type] = ClassificationConfig

    def __init__(self, config: ClassificationConfig, vocabulary: Vocabulary) -> None:
        super().__init__(config)
        self.vocabulary = vocabulary
        self.model = Classifier(config, vocabulary)

    @classmethod
    def prepare(
        cls, config: ClassificationConfig, folder: Path, sources: Sources, batching: Batching
    ) -> tuple[Self, data.ClassificationData]:
        """Read labelled texts; see `Task.prepare`."""
        train = [row for file in sources.train for row in _read(config, file)]
        if sources.valid is None:
            train, valid = data.hold_out_of_each(train)
        else:
            valid = list(_read(config, sources.valid))
        vocabulary = Vocabulary.gather(config, train)
        data.check_known(valid, vocabulary)
        data.tell_of_rare(train)
        data.tell_of_odd(config, vocabulary, train + valid)
        task = cls(config, vocabulary)
        learnt, held_out = ([task.encode(row) for row in rows] for rows in (train, valid))
        _start_from_data(task.model, config, vocabulary, learnt)
        task.save(folder)
        return task, data.ClassificationData(learnt, held_out, batching.batch_size, batching.seed)

    @classmethod
    def load(cls, config: ClassificationConfig, folder: Path) -> Self:
        """Rebuild from a run folder; see `Task.load`."""
        return cls(config, Vocabulary.load(folder))

    def save(self, folder: Path) -> None:
        """Write the vocabulary; see `Task.save`."""
        self.vocabulary.save(folder)

    def encode(self, row: LabelledText) -> EncodedItem:
        """Turn a labelled text into numbers.

        Args:
            row: the text.

        Returns:
            Its numbers.

        Raises:
            DataError: if it is no sequence of numbers where one is wanted.
        """
        steps = self.vocabulary.encode(self.config, row.text, row.where)
        return EncodedItem(steps, self.vocabulary.encode_label(row.label))

    @contextmanager
    def reading(self, file: str) -> Iterator[list[LabelledText]]:
        """Read labelled texts while the block runs.

        Args:
            file: a file of the kind the task was trained on, or `-` for standard input.

        Yields:
            The texts.

        Raises:
            DataError: if the file cannot be read, or lacks a column.
        """
        rows = list(_read(self.config, file))
        data.tell_of_odd(self.config, self.vocabulary, rows)
        yield rows

    def evaluate(self, rows: Sequence[LabelledText]) -> ClassificationSummary:
        """Measure the model on labelled texts; see `classification_summary`.

        Args:
            rows: the texts.

        Returns:
            The measures.
        """
        items = [self.encode(row) for row in rows]
        return data.summarise(self.score(items)[0], np.array([item.label for item in items]))

    def score(self, items: Sequence[EncodedItem]) -> tuple[np.ndarray, list[np.ndarray] | None]:
        """Score the classes of items.

        Args:
            items: at least one.

        Returns:
            Logits `[items, classes]`, after the temperature; and the share of each step of each
            item, None if there is none.
        """
        logits, weights = score(self.model, items, self.device)
        return logits / float(self.model.temperature), weights

    def predict(self, inputs: Iterable[str], where: str) -> Iterator[dict[str, Any]]:
        """Choose the classes of texts; see `Task.predict`."""
        numbered = ((text, f"{where} {number}") for number, text in enumerate(inputs, 1))
        given = (pair for pair in numbered if pair[0].strip())
        long = 0
        while some := list(islice(given, READ_AHEAD)):
            items = [
                EncodedItem(self.vocabulary.encode(self.config, text, place), -1)
                for text, place in some
            ]
            long += sum(is_longer(self.config, text) for text, _ in some)
            logits, weights = self.score(items)
            shares = torch.from_numpy(logits).softmax(dim=1).tolist()
            for row, (text, _) in enumerate(some):
                answer = self._answer(text, shares[row])
                if weights is not None:
                    words = pieces(self.config, text)
                    answer["attention"] = list(zip(words, weights[row].tolist(), strict=True))
                yield answer
        if long:
            limit = f"{self.config.max_length} {UNITS[self.config.unit]}"
            warnings.warn(
                f"{long} inputs have more than {limit}; their middle is left out.", stacklevel=2
            )

    def show(self, answer: Mapping[str, Any]) -> str:
        """Write label, probability and text; see `Task.show`."""
        return f"{answer['output']}\t{answer['score']:.3f}\t{answer['input']}"

    def look_inside(self, file: str, folder: Path) -> Iterator[Finding]:
        """Show confusions, doubts and attention; see `Task.look_inside`."""
        from elman.tasks.classification.inspection import look_inside

        return look_inside(self, file, folder)

    def word_vectors(self) -> WordVectors:
        """Return the vectors of the words; see `Task.word_vectors`."""
        if (self.config.unit, self.config.model) != ("word", "rnn"):
            return super().word_vectors()
        weights = [embedded.embedding.weight for embedded in _parts(self.model, Embedded)]
        vectors = torch.cat(weights, dim=1).detach()[FIRST:]
        return WordVectors(list(self.vocabulary.tokens), vectors)

    def _answer(self, text: str, shares: list[float]) -> dict[str, Any]:
        ranked = sorted(zip(self.vocabulary.labels, shares, strict=True), key=lambda pair: -pair[1])
        label, share = ranked[0]
        return {"input": text, "output": label, "score": share, "probabilities": dict(ranked)}


def _read(config: ClassificationConfig, file: str) -> Iterator[LabelledText]:
    return read_table(file, config.text_column, config.label_column)


def _start_from_data(
    model: Classifier,
    config: ClassificationConfig,
    vocabulary: Vocabulary,
    items: Sequence[EncodedItem],
) -> None:
    """Set what is not learnt but follows from the data."""
    if config.class_weights == "balanced":
        counts = Counter(item.label for item in items)
        amounts = torch.tensor([counts[label] for label in range(len(vocabulary.labels))])
        model.class_weights.copy_(len(items) / (len(amounts) * amounts))
    for standardised in _parts(model, Standardised):
        standardised.fit(torch.cat([item.steps for item in items]))
    if config.vectors is not None:
        for embedded in _parts(model, Embedded):
            start_vectors(embedded.embedding, config.vectors, vocabulary.tokens)


def _parts(model: Classifier, kind: type[Part]) -> list[Part]:
    return [part for part in model.modules() if isinstance(part, kind)]
