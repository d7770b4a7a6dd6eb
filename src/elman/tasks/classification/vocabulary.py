"""What a classifier knows: words, characters or n-grams, and labels."""

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import chain
from pathlib import Path
from typing import NamedTuple, Self

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from elman.data.tables import LabelledText, parse_sequence
from elman.errors import DataError
from elman.tasks.classification.config import ClassificationConfig
from elman.tasks.classification.cutting import ends, parts_of, tokenise
from elman.tasks.labels import numbered, read_labels, write_labels

PADDING, UNKNOWN = 0, 1
"""Numbers that stand for nothing, and for what the training data does not have."""
FIRST = 2
"""The number of the first known word, character or n-gram."""


class Vocabulary(NamedTuple):
    """The words, characters or n-grams of the training data, and its labels.

    Args:
        tokens: words, characters or n-grams by number, from `FIRST` on.
        parts: of words, by number, from `FIRST` on; empty if they are not read.
        labels: by number, from 0.
        features: numbers in each step of a sequence; 0 for texts.
    """

    tokens: dict[str, int]
    parts: dict[str, int]
    labels: dict[str, int]
    features: int

    @classmethod
    def gather(cls, config: ClassificationConfig, rows: Sequence[LabelledText]) -> Self:
        """Gather a vocabulary.

        Args:
            config: the settings.
            rows: texts with their labels.

        Returns:
            The vocabulary; what comes most often has the smallest numbers.

        Raises:
            DataError: if all rows have one label, or no row has what is read.
        """
        labels = sorted({row.label for row in rows})
        if len(labels) == 1:
            raise DataError(
                f"all rows to learn from have the label {labels[0]!r}: there is nothing to tell "
                "apart."
            )
        if config.unit == "number":
            return cls({}, {}, numbered(labels), _features(rows))
        counts = Counter(chain.from_iterable(tokenise(config, row.text) for row in rows))
        ranked = sorted(counts, key=lambda token: (-counts[token], token))
        if not ranked:
            raise DataError("every text to learn from is empty.")
        tokens = numbered(ranked[: config.vocabulary_size], FIRST)
        parts = _common_parts(counts) if _reads_parts(config) else []
        return cls(tokens, numbered(parts, FIRST), numbered(labels), 0)

    def encode(
        self, config: ClassificationConfig, text: str, where: str
    ) -> Int[Tensor, " time *columns"] | Float[Tensor, "time features"]:
        """Turn a text into numbers.

        Args:
            config: the settings.
            text: the text.
            where: the place of the text, for messages.

        Returns:
            Numbers of its words, characters or n-grams, those of words followed by those of their
            parts where they are read; or the steps of its sequence.

        Raises:
            DataError: if it is no sequence of numbers of the right width.
        """
        if config.unit != "number":
            tokens = tokenise(config, text)
            found = torch.tensor([self.tokens.get(token, UNKNOWN) for token in tokens]).long()
            return self._with_parts(found, tokens) if _reads_parts(config) else found
        steps = torch.from_numpy(parse_sequence(text, where))
        if len(steps) and steps.shape[1] != self.features:
            raise DataError(
                f"{where}: steps have {steps.shape[1]} numbers, those learnt from {self.features}."
            )
        if len(steps) > config.max_length:
            steps = steps[ends(len(steps), config.max_length)]
        return steps.view(-1, self.features)

    def _with_parts(
        self, found: Int[Tensor, " time"], words: Sequence[str]
    ) -> Int[Tensor, "time columns"]:
        if not words:
            return found.new_zeros(0, 2)
        rows = [
            [self.parts[part] for part in parts_of(word) if part in self.parts] for word in words
        ]
        parts = [torch.tensor(row or [PADDING]) for row in rows]
        return torch.cat([found.unsqueeze(1), pad_sequence(parts, batch_first=True)], dim=1)

    def encode_label(self, label: str) -> int:
        """Turn a label into its number.

        Args:
            label: the label.

        Returns:
            Its number; -1 for a label that the training data does not have.
        """
        return self.labels.get(label, -1)

    def save(self, folder: Path) -> None:
        """Write the vocabulary.

        Args:
            folder: the run folder.
        """
        contents = {
            "labels": list(self.labels),
            "features": self.features,
            "parts": list(self.parts),
            "tokens": list(self.tokens),
        }
        write_labels(folder, contents)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote.

        Args:
            folder: the run folder.

        Returns:
            The vocabulary.

        Raises:
            CheckpointError: if the file is missing or damaged.
        """
        return read_labels(
            folder,
            lambda read: cls(
                numbered(read["tokens"], FIRST),
                numbered(read["parts"], FIRST),
                numbered(read["labels"]),
                int(read["features"]),
            ),
        )


def _reads_parts(config: ClassificationConfig) -> bool:
    return config.subwords and config.model == "rnn"  # bags have n-grams of words alone


def _common_parts(words: Iterable[str]) -> list[str]:
    """Return the parts that several words have; those of a single one say no more than it does."""
    counts = Counter(part for word in words for part in set(parts_of(word)))
    return sorted(part for part, count in counts.items() if count > 1)


def _features(rows: Sequence[LabelledText]) -> int:
    widths = (parse_sequence(row.text, row.where).shape[1] for row in rows)
    width = next(filter(None, widths), 0)
    if not width:
        raise DataError("every sequence to learn from is empty.")
    return width
