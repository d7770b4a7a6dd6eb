"""Statistical translation by phrases, as a translation task like the networks."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, Self

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from elman.errors import CheckpointError, DataError
from elman.files import written_atomically
from elman.statistical.phrase_based import (
    Language,
    PhraseModel,
    Rendering,
    WordPair,
    align_pairs,
    count_model,
    tune_weights,
)
from elman.statistical.phrase_based.stack_decoder import Limits
from elman.tasks.translation.answers import EMPTY, Answer, Translation, warn_of_cut
from elman.tasks.translation.reading import Pair
from elman.tasks.translation.side import END

ORDER = 4
"""Words of the longest n-grams of the language model."""
MOST_TUNED = 500
"""Pairs at most by which the weights are tuned."""
LONGEST_LINE = 200
"""Words of a source that are read; the work grows with the cube."""
STACK_OF_BEAM = 20
"""Hypotheses of a stack for each beam that is asked for."""


class Languages(NamedTuple):
    """The words of both sides.

    Args:
        source: what is read.
        target: what is written.
    """

    source: Language
    target: Language

    @classmethod
    def gather(cls, pairs: Sequence[Pair]) -> Self:
        """Take all words of raw pairs.

        Args:
            pairs: the training data.

        Returns:
            The words.
        """
        sources, targets = zip(*pairs, strict=True)
        return cls(Language.gather(sources), Language.gather(targets))

    def save(self, folder: Path) -> None:
        """Write `source.json` and `target.json`.

        Args:
            folder: where to.
        """
        for name, language in self._asdict().items():
            with written_atomically(folder / f"{name}.json") as file:
                file.write_text(json.dumps(language.tables(), ensure_ascii=False), "utf-8")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote.

        Args:
            folder: where from.

        Returns:
            The words.

        Raises:
            CheckpointError: if a file is missing or damaged.
        """
        return cls(*(_read_language(folder / f"{name}.json") for name in cls._fields))


def _read_language(file: Path) -> Language:
    try:
        return Language.from_tables(json.loads(file.read_text("utf-8")))
    except FileNotFoundError:
        raise CheckpointError(f"{file}: no such file.") from None
    except (CheckpointError, ValueError) as error:
        raise CheckpointError(f"{file}: {error}") from None


class PhraseSystem:
    """Answers raw lines as a translation network does, from counted phrases.

    Args:
        model: the model.
    """

    def __init__(self, model: PhraseModel) -> None:
        self.model = model

    @classmethod
    def fit(
        cls, languages: Languages, pairs: Sequence[Pair], seed: int, say: Callable[[str], None]
    ) -> Self:
        """Count phrases, tune on the last pairs a model of the others, count all pairs.

        Args:
            languages: the words of both sides.
            pairs: the training data.
            seed: of the search for weights.
            say: takes a line whenever a part of the work is done.

        Returns:
            The system.

        Raises:
            DataError: if there are too few pairs.
        """
        source, target = languages
        words = [WordPair(source.read(pair.source), target.read(pair.target)) for pair in pairs]
        aligned = align_pairs(words, source, target)
        say(f"aligned the words of {len(aligned)} pairs")
        tuned = min(MOST_TUNED, len(aligned) // 10)
        if not tuned:
            raise DataError(f"{len(aligned)} pairs are too few for phrases: give 10 or more.")
        part = count_model(aligned[:-tuned], source, target, ORDER)
        say(f"counted {len(part.table.features)} phrase pairs")
        found = tune_weights(part, [pair.words for pair in aligned[-tuned:]], seed, say)
        model = count_model(aligned, source, target, ORDER)
        model.weights = found.weights
        return cls(model)

    def answers(self, lines: Iterable[str], wanted: int, beam: int) -> Iterator[Answer]:
        """Translate lines.

        Args:
            lines: raw text.
            wanted: translations of each, at most; different from each other.
            beam: how much to search, 5 being usual.

        Yields:
            One answer a line, the best first. A score is the weighted sum of the features; phrases
            stand where attention stands in a network.
        """
        limits = Limits(stack=STACK_OF_BEAM * beam)
        for number, line in enumerate(lines, 1):
            words = self.model.source.read(line)
            if len(words) > LONGEST_LINE:
                warn_of_cut(number, len(words), LONGEST_LINE)
                words = words[:LONGEST_LINE]
            found = self.model.translate(words, wanted, limits) if words else []
            shown = [self._show(rendering, len(words)) for rendering in found]
            yield Answer([*words, END], shown) if shown else EMPTY

    def _show(self, rendering: Rendering, length: int) -> Translation:
        text = self.model.target.write(rendering.words)
        weights = _phrase_weights(rendering, length)
        return Translation(text, rendering.score, None, [*rendering.words, END], weights)

    def arrays(self) -> dict[str, Tensor]:
        """Return everything but the words, by name."""
        return {name: torch.from_numpy(values) for name, values in self.model.arrays().items()}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, Tensor], languages: Languages) -> Self:
        """Restore a system.

        Args:
            arrays: what `arrays` returned.
            languages: the words of both sides.

        Returns:
            The system.

        Raises:
            CheckpointError: if they do not fit together.
        """
        counts = {name: tensor.numpy() for name, tensor in arrays.items()}
        return cls(PhraseModel.from_arrays(counts, *languages))


def _phrase_weights(rendering: Rendering, length: int) -> Float[np.ndarray, "target source"]:
    """Spread each target word over the source words of its phrase, the end over the end."""
    weights = np.zeros((len(rendering.words) + 1, length + 1), dtype=np.float32)
    row = 0
    for phrase in rendering.phrases:
        below = row + len(phrase.words)
        weights[row:below, phrase.start : phrase.end] = 1 / (phrase.end - phrase.start)
        row = below
    weights[row, length] = 1
    return weights
