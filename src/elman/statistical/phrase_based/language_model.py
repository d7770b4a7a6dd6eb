"""The n-gram model word by word, as the decoder asks: dictionaries in place of array lookups."""

import math

import numpy as np

from elman.statistical.counting import NGramTable
from elman.statistical.discounting import smooth
from elman.statistical.kneser_ney import KneserNey

Context = tuple[int, ...]
"""The words before the next one, oldest first, as many as its probability can depend on."""

MOST_REMEMBERED = 1_000_000


class WordByWord:
    """Scores one word after a context at a time, and remembers what it was asked.

    Gives the numbers of `KneserNey.log_probability`. A context is cut to its longest part that
    the model has seen, which changes no probability and lets more hypotheses recombine.

    Args:
        model: the n-gram model.
    """

    def __init__(self, model: KneserNey) -> None:
        self.order = model.order
        self.vocabulary_size = model.vocabulary_size
        self.start: Context = () if model.boundary is None else (model.boundary,)
        self._unigram = np.exp(
            model.log_probability(
                np.full((model.vocabulary_size, model.order - 1), -1),
                np.arange(model.vocabulary_size),
            )
        ).tolist()
        self._contexts: list[dict[int, int]] = []
        self._ngrams: list[dict[int, float]] = []
        self._backoff: list[list[float]] = []
        arrays = model.arrays()
        for length in range(2, model.order + 1):
            table = NGramTable(*(arrays[f"{name}.{length}"] for name in NGramTable._fields))
            smoothed = smooth(
                table, model.discounts[length - 1], vocabulary_size=model.vocabulary_size
            )
            contexts = table.context_keys.tolist()
            self._contexts.append(dict(zip(contexts, range(len(contexts)), strict=True)))
            discounted = smoothed.discounted.tolist()
            self._ngrams.append(dict(zip(table.ngram_keys.tolist(), discounted, strict=True)))
            self._backoff.append(smoothed.backoff.tolist())
        self._remembered: dict[tuple[Context, int], tuple[float, Context]] = {}

    def advance(self, context: Context, word: int) -> tuple[float, Context]:
        """Score a word and put it behind the context.

        Args:
            context: `start`, or what this method returned.
            word: its id.

        Returns:
            Its log-probability in nats, and the context of the next word.
        """
        known = self._remembered.get((context, word))
        if known is None:
            if len(self._remembered) >= MOST_REMEMBERED:
                self._remembered.clear()
            known = math.log(self._probability(context, word)), self._cut((*context, word))
            self._remembered[context, word] = known
        return known

    def _probability(self, context: Context, word: int) -> float:
        probability, number = self._unigram[word], 0
        levels = zip(self._contexts, self._ngrams, self._backoff, reversed(context), strict=False)
        for contexts, ngrams, backoff, older in levels:
            found = contexts.get(number * self.vocabulary_size + older)
            if found is None:
                break
            number = found
            discounted = ngrams.get(number * self.vocabulary_size + word, 0.0)
            probability = discounted + backoff[number] * probability
        return probability

    def _cut(self, context: Context) -> Context:
        number, seen = 0, 0
        for contexts, older in zip(self._contexts, reversed(context), strict=False):
            found = contexts.get(number * self.vocabulary_size + older)
            if found is None:
                break
            number, seen = found, seen + 1
        return context[len(context) - seen :]
