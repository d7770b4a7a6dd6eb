"""Translations ranked again with what a language model thinks of them."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, NamedTuple

from elman.decoding import Divisor
from elman.tasks.translation.answers import Answer, Translation

ANSWERS_AT_ONCE = 128
"""Answers whose translations the language model reads together."""


class Rescoring(NamedTuple):
    r"""A language model's say in the choice among the translations that a search has found.

    $$ \text{score}(y) = \frac{\log p(y \mid x) + \lambda \log p_{LM}(y)}{lp(n)} + cp $$

    Args:
        language_model: a task of kind `lm` that reads the target's language.
        weight: $\lambda$, at least 0.

    Reference:
        Gulcehre et al. 2015, "On using monolingual corpora in neural machine translation",
        section 4.1. Differs: whole translations are weighed, not each token of a search.
    """

    language_model: Any
    weight: float

    def rank(self, answers: Iterable[Answer], divisor: Divisor) -> Iterator[Answer]:
        """Rank the translations of each line again.

        Args:
            answers: some translations of each line.
            divisor: lp, what log-probabilities are divided by.

        Yields:
            The same with new scores, the best first.

        Raises:
            DataError: if the language model cannot read a translation.
        """
        waiting = iter(answers)
        while some := list(islice(waiting, ANSWERS_AT_ONCE)):
            log_probs = self._log_probs({t.text for answer in some for t in answer.translations})
            for answer in some:
                yield Answer(answer.source, self._ranked(answer.translations, log_probs, divisor))

    def _log_probs(self, texts: set[str]) -> dict[str, float]:
        """Score whole lines: that a line ends there counts, too."""
        lines = sorted(texts)
        end = "" if self.language_model.tokenizer.unit == "word" else "\n"  # words score it anyway
        scored = self.language_model.score([line + end for line in lines])
        return {
            line: score["log_probability"] for line, (score, _) in zip(lines, scored, strict=True)
        }

    def _ranked(
        self, translations: Iterable[Translation], log_probs: dict[str, float], divisor: Divisor
    ) -> list[Translation]:
        rescored = []
        for translation in translations:
            own = log_probs[translation.text]
            added = self.weight * own / divisor(max(len(translation.tokens), 1))
            rescored.append(
                translation._replace(score=translation.score + added, language_model=own)
            )
        return sorted(rescored, key=lambda translation: -translation.score)
