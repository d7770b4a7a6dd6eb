"""A phrase-based translation model, whole: from a raw sentence to raw translations."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice, pairwise
from typing import NamedTuple, Self

import numpy as np
from jaxtyping import Float

from elman.errors import CheckpointError
from elman.statistical.kneser_ney import KneserNey
from elman.statistical.phrase_based.language import Language
from elman.statistical.phrase_based.language_model import WordByWord
from elman.statistical.phrase_based.n_best import Translation, best_translations
from elman.statistical.phrase_based.options import NEW_WORD, gather_options
from elman.statistical.phrase_based.phrase_table import PhraseTable
from elman.statistical.phrase_based.stack_decoder import Limits, StackDecoder

LONGEST_PIECE = 100
"""Words that are decoded at once; longer sentences are cut, after a mark if there is one."""
MOST_SEEN = 1000
"""Translations looked through for different ones."""


class Phrase(NamedTuple):
    """A part of a sentence and what became of it.

    Args:
        start: its first word.
        end: the word after its last one.
        words: the translation.
    """

    start: int
    end: int
    words: list[str]


class Rendering(NamedTuple):
    """A translation of a sentence.

    Args:
        phrases: in the order of the translation.
        score: weighted sum of the features.
    """

    phrases: list[Phrase]
    score: float

    @property
    def words(self) -> list[str]:
        """The words of the translation."""
        return [word for phrase in self.phrases for word in phrase.words]


class PhraseModel:
    r"""Translates by a log-linear model of phrase pairs.

    $$ \hat e = \arg\max_e \max_a \sum_k \lambda_k h_k(e, a, f) $$

    where a says which phrases are translated in which order, and h_k are the `FEATURES`.

    Args:
        source: words that are read.
        target: words that are written.
        table: the phrase table.
        counts: n-gram model of target words.
        weights: of the features.

    Reference:
        Koehn, Och & Marcu 2003, "Statistical phrase-based translation", section 2.
        Och & Ney 2002, "Discriminative training and maximum entropy models for statistical machine
        translation", equation 8 (the log-linear model).
    """

    def __init__(
        self,
        source: Language,
        target: Language,
        table: PhraseTable,
        counts: KneserNey,
        weights: Float[np.ndarray, " features"],
    ) -> None:
        self.source = source
        self.target = target
        self.table = table
        self.counts = counts
        self.weights = weights
        self.language_model = WordByWord(counts)

    def search(self, words: Sequence[str], limits: Limits) -> Iterator[Translation]:
        """Search for translations.

        Args:
            words: a sentence of at least one word.
            limits: how much to search.

        Yields:
            Numbered translations, best first; the same words may come several times.
        """
        copies = self.target.encode(words)
        numbers = [self.source.numbers.get(word, -1) for word in words]
        options = gather_options(numbers, copies, self.table, self.language_model, self.weights)
        decoder = StackDecoder(self.language_model, self.target.end, self.weights, limits)
        yield from best_translations(decoder.decode(options))

    def translate(
        self, words: Sequence[str], count: int = 1, limits: Limits | None = None
    ) -> list[Rendering]:
        """Translate a sentence.

        Args:
            words: as `source.read` gives them.
            count: different translations wanted.
            limits: how much to search.

        Returns:
            The best first; there may be fewer, and a sentence that was cut has one.
        """
        bounds = _cuts(words)
        if len(bounds) == 2:
            return self._translate(words, count, limits or Limits())
        pieces = [
            (start, self._translate(words[start:end], 1, limits or Limits())[0])
            for start, end in pairwise(bounds)
        ]
        phrases = [
            Phrase(start + phrase.start, start + phrase.end, phrase.words)
            for start, piece in pieces
            for phrase in piece.phrases
        ]
        return [Rendering(phrases, sum(piece.score for _, piece in pieces))]

    def _translate(self, words: Sequence[str], count: int, limits: Limits) -> list[Rendering]:
        different: dict[tuple[str, ...], Rendering] = {}
        if not words:
            return [Rendering([], 0.0)]
        for translation in islice(self.search(words, limits), MOST_SEEN):
            rendering = Rendering(list(self.phrases(translation, words)), translation.score)
            different.setdefault(tuple(rendering.words), rendering)
            if len(different) == count:
                break
        return list(different.values())

    def phrases(self, translation: Translation, words: Sequence[str]) -> Iterator[Phrase]:
        """Write a numbered translation in words.

        Args:
            translation: what `search` yielded.
            words: of the source sentence, of which new words are copied.

        Yields:
            Its phrases.
        """
        for arc in translation.arcs:
            if arc.option is not None:
                start, end = arc.option.start, arc.option.end
                if arc.option.row == NEW_WORD:
                    yield Phrase(start, end, [words[start]])
                else:
                    yield Phrase(start, end, [self.target.words[n] for n in arc.option.target])

    def arrays(self) -> dict[str, np.ndarray]:
        """Return everything but the words that `from_arrays` needs, by name."""
        return {
            **{f"phrases.{name}": values for name, values in self.table.arrays().items()},
            **{f"language.{name}": values for name, values in self.counts.arrays().items()},
            "weights": self.weights,
        }

    @classmethod
    def from_arrays(
        cls, arrays: Mapping[str, np.ndarray], source: Language, target: Language
    ) -> Self:
        """Restore a model.

        Args:
            arrays: what `arrays` returned.
            source: words that are read.
            target: words that are written.

        Returns:
            The model.

        Raises:
            CheckpointError: if an array is missing, or they are of other words.
        """
        parts: dict[str, dict[str, np.ndarray]] = {"phrases": {}, "language": {}, "weights": {}}
        for name, values in arrays.items():
            part, _, rest = name.partition(".")
            parts.setdefault(part, {})[rest] = values
        counts = KneserNey.from_arrays(parts["language"])
        try:
            table, weights = PhraseTable.from_arrays(parts["phrases"]), parts["weights"][""]
        except KeyError as missing:
            raise CheckpointError(f"the saved phrase table lacks {missing}.") from None
        if (table.vocabulary_size, counts.vocabulary_size) != (source.size, target.size):
            raise CheckpointError("the phrase table is not one of these words.")
        return cls(source, target, table, counts, weights)


def _cuts(words: Sequence[str]) -> list[int]:
    """Return where the pieces of a sentence start, and its end."""
    bounds = [0]
    while len(words) - bounds[-1] > LONGEST_PIECE:
        first, last = bounds[-1] + LONGEST_PIECE // 2, bounds[-1] + LONGEST_PIECE
        marks = [place for place in range(first, last) if not words[place][-1].isalnum()]
        bounds.append(marks[-1] + 1 if marks else last)
    return [*bounds, len(words)]
