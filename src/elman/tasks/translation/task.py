"""Translation as a task: prepared from aligned lines, saved, measured, answered."""

import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from torch import Tensor

from elman.data.text import read_lines
from elman.decoding import PowerDivisor, WuDivisor
from elman.errors import DataError
from elman.files import written_atomically
from elman.metrics import (
    Pronunciation,
    PronunciationSummary,
    TranslationSummary,
    pronunciation_summary,
    require_translation_measures,
    translation_summary,
)
from elman.tasks.task import Batching, Finding, Sources, Task
from elman.tasks.translation import phrase
from elman.tasks.translation.answers import (
    LONGEST,
    Answer,
    Languages,
    Search,
    Translation,
    mean_loss,
    translate_lines,
)
from elman.tasks.translation.batches import EncodedPair
from elman.tasks.translation.config import TranslationConfig
from elman.tasks.translation.data import CountedPairs, TranslationData
from elman.tasks.translation.model import TranslationModel
from elman.tasks.translation.network import TranslationNetwork
from elman.tasks.translation.reading import Pair, hold_out_sources, read_pairs, without_empty
from elman.tasks.translation.rescoring import Rescoring
from elman.tasks.translation.side import Side
from elman.tasks.translation.transformer import TransformerTranslation

SIDES = ("source", "target")
"""Names of the files with the units, and of what is read and written."""
HELD_OUT = "held_out.tsv"
"""The file in the run folder with the pairs that were drawn to measure on."""
MEASURED = 500
"""Held-out pairs that are translated after each epoch."""
USUAL_SHARE = 0.99
"""Share of the training data whose translations fit in what a model may write."""
PICTURES = 4
"""Pairs whose attention is drawn."""
WIDEST_PICTURE = 40
"""Tokens of either side of a pair that is drawn."""


class TranslationTask(Task):
    """A translation model with the units of both languages.

    Args:
        config: the settings.
        languages: both sides.
        model: the model; None until phrases have been counted or restored.
    """

    kind: ClassVar[str] = "translate"
    config_class: ClassVar[type] = TranslationConfig

    def __init__(
        self, config: TranslationConfig, languages: Any, model: TranslationModel | None
    ) -> None:
        super().__init__(config)
        self.languages = languages
        self.model: Any = model

    @classmethod
    def prepare(
        cls, config: TranslationConfig, folder: Path, sources: Sources, batching: Batching
    ) -> tuple[Self, TranslationData | CountedPairs]:
        """Read aligned lines; see `Task.prepare`."""
        if not config.pronounces:
            require_translation_measures()
        train = [p for file in sources.train for p in read_pairs(file, sources.target)]
        train = without_empty(train, "the training data")
        if sources.valid is None:
            train, valid = hold_out_sources(train, batching.seed)
            _write_pairs(folder / HELD_OUT, valid)
        else:
            valid = list(read_pairs(sources.valid, sources.valid_target))
            valid = without_empty(valid, "the held-out data")
        if config.model == "phrase":
            counted = cls(config, phrase.Languages.gather(train), None)
            counted.save(folder)
            return counted, CountedPairs(train, partial(counted._scores, valid), batching.seed)
        source, target = (
            Side.gather(lines, unit, config.vocabulary_size)
            for lines, unit in zip(zip(*train, strict=True), config.units, strict=True)
        )
        task = cls.create(config, source, target)
        task.save(folder)
        pairs = task.encode(train)
        ratios = [len(pair.target) / len(pair.source) for pair in pairs]
        task.model.length_ratio.fill_(float(np.quantile(ratios, USUAL_SHARE)))
        measure = partial(task._measure, valid, task.encode(valid))
        end = task.languages.target.end
        return task, TranslationData(pairs, end, measure, batching.batch_size, batching.seed)

    @classmethod
    def load(cls, config: TranslationConfig, folder: Path) -> Self:
        """Rebuild from a run folder; see `Task.load`."""
        if config.model == "phrase":
            return cls(config, phrase.Languages.load(folder), None)
        return cls.create(config, *(Side.load(folder / f"{name}.json") for name in SIDES))

    @classmethod
    def create(cls, config: TranslationConfig, source: Side, target: Side) -> Self:
        """Make a task with fresh weights.

        Args:
            config: the settings.
            source: what is read.
            target: what is written.

        Returns:
            The task.
        """
        kind = TransformerTranslation if config.model == "transformer" else TranslationNetwork
        languages = Languages(source, target, config.reads_backward)
        return cls(config, languages, kind(config, source.size, target.size))

    @property
    def is_counted(self) -> bool:
        """Whether phrases are counted; see `Task.is_counted`."""
        return self.config.model == "phrase"

    def fit(self, data: CountedPairs, say: Callable[[str], None]) -> None:
        """Count phrases and tune their weights; see `Task.fit`."""
        self.model = phrase.PhraseSystem.fit(self.languages, data.pairs, data.seed, say)

    def save(self, folder: Path) -> None:
        """Write the units; see `Task.save`."""
        self.languages.save(folder)

    def arrays(self) -> dict[str, Tensor]:
        """Return weights, or counts; see `Task.arrays`."""
        return self.model.arrays() if self.is_counted else super().arrays()

    def restore(self, arrays: Mapping[str, Tensor]) -> None:
        """Take back weights, or counts; see `Task.restore`."""
        if self.is_counted:
            self.model = phrase.PhraseSystem.from_arrays(arrays, self.languages)
        else:
            super().restore(arrays)

    def encode(self, pairs: Sequence[Pair]) -> list[EncodedPair]:
        """Turn pairs into numbers, but for those that are too long.

        Args:
            pairs: raw lines.

        Returns:
            The tokens of those that are short enough, in their order.

        Raises:
            DataError: if none is.
        """
        sources = self.languages.encode_sources([pair.source for pair in pairs])
        targets = self.languages.target.encode([pair.target for pair in pairs])
        encoded = list(map(EncodedPair, sources, targets))
        kept = [pair for pair in encoded if max(map(len, pair)) <= LONGEST]
        if not kept:
            raise DataError(f"every pair has more than {LONGEST} tokens: cut them into sentences.")
        if len(kept) < len(encoded):
            warnings.warn(
                f"{len(encoded) - len(kept)} of {len(encoded)} pairs have more than {LONGEST} "
                "tokens and are left out.",
                stacklevel=2,
            )
        return kept

    @contextmanager
    def reading(self, file: str, target: str | None = None) -> Iterator[list[Pair]]:
        """Read pairs while the block runs.

        Args:
            file: a file of pairs, or of sources if there is one of targets.
            target: a file of targets.

        Yields:
            The pairs.

        Raises:
            DataError: if a file cannot be read, or they do not fit together.
        """
        pairs = list(read_pairs(file, target))
        if not pairs:
            raise DataError(f"{file}: no line has both a source and a target.")
        empty = sum(not (pair.source.strip() and pair.target.strip()) for pair in pairs)
        if empty:
            warnings.warn(
                f"{empty} of {len(pairs)} lines are empty on one side; they are measured as they "
                "are.",
                stacklevel=2,
            )
        yield pairs

    def evaluate(
        self,
        pairs: Sequence[Pair],
        *,
        beam: int | None = None,
        rescoring: Rescoring | None = None,
    ) -> TranslationSummary | PronunciationSummary:
        """Translate sources and compare with the targets.

        Args:
            pairs: sources and targets. A source whose pronunciations are asked for may stand in
                several, each of which is then right.
            beam: beams of the search; those of the settings if None.
            rescoring: a language model's say in the choice among what the beams found.

        Returns:
            Measures.
        """
        targets = [pair.target for pair in pairs]
        unknown = 0 if self.is_counted else self.languages.target.count_unknown(targets)
        if unknown:
            warnings.warn(
                f"{unknown} of {len(pairs)} targets hold words or characters that the training "
                "data lacks: the model cannot write them.",
                stacklevel=2,
            )
        wanted = 1 if rescoring is None else None
        return self._compare(pairs, self.search(beam, wanted=wanted), rescoring)

    def search(
        self, beam: int | None, *, wanted: int | None = None, attention: bool = False
    ) -> Search:
        """Return how translations are searched for.

        Args:
            beam: beams; those of the settings if None.
            wanted: translations of each line, at most as many as beams; as many if None.
            attention: whether it is wanted where the decoder looked.
        """
        config = self.config
        alpha = 0.0 if self.is_counted else config.length_penalty  # phrases are told of lengths
        divisor = WuDivisor(alpha) if config.length_normalisation == "wu" else PowerDivisor(alpha)
        width = beam or config.beam
        count = min(wanted or width, width)
        return Search(width, count, divisor, config.coverage_penalty, attention)

    def translate(
        self, lines: Iterable[str], search: Search, rescoring: Rescoring | None = None
    ) -> Iterator[Answer]:
        """Translate lines.

        Args:
            lines: raw text.
            search: how.
            rescoring: a language model's say in the choice among what the search found.

        Yields:
            One answer a line, in their order.
        """
        answers: Iterator[Answer]
        if self.is_counted:
            answers = self.model.answers(lines, search.wanted, search.beam)
        else:
            self.model.eval()
            answers = translate_lines(self.model, self.languages, lines, search, self.device)
        return answers if rescoring is None else rescoring.rank(answers, search.divisor)

    def predict(
        self,
        inputs: Iterable[str],
        where: str,
        *,
        beam: int | None = None,
        rescoring: Rescoring | None = None,
    ) -> Iterator[dict[str, Any]]:
        """Translate raw lines, empty ones too, so that lines stay aligned; see `Task.predict`.

        Args:
            inputs: raw lines.
            where: what a line's number comes after in messages.
            beam: beams of the search; those of the settings if None.
            rescoring: a language model's say in the choice among what the beams found.
        """
        texts: list[str] = []

        def lines() -> Iterator[str]:
            for text in inputs:
                texts.append(text)
                yield text

        search = self.search(beam, attention=True)
        for answer in self.translate(lines(), search, rescoring):
            yield _described(texts.pop(0), answer)

    def show(self, answer: Mapping[str, Any]) -> str:
        """Write the translation alone, or the pronunciation after its word; see `Task.show`."""
        if self.config.pronounces:
            return f"{answer['input']}\t{answer['output']}"
        return str(answer["output"])

    def look_inside(self, file: str, folder: Path) -> Iterator[Finding]:
        """Draw where the decoder looks in translations of some lines; see `Task.look_inside`.

        Args:
            file: of pairs, or of sources alone.
            folder: where pictures are written.
        """
        if not self.config.attends:
            return
        from elman.plots import alignment

        sources = (line.partition("\t")[0] for line in read_lines(file))
        lines = (source for source in sources if source.strip())
        search = self.search(None, wanted=1, attention=True)
        number = 0
        for answer in self.translate(islice(lines, 10 * PICTURES), search):
            (best,) = answer.translations
            if best.weights is None or max(best.weights.shape) > WIDEST_PICTURE:
                continue
            number += 1
            path = folder / f"attention-{number}.png"
            alignment(answer.source, best.tokens, best.weights, path)
            yield Finding(f"attention {number}", path)
            if number == PICTURES:
                return

    def _measure(
        self, pairs: Sequence[Pair], encoded: Sequence[EncodedPair]
    ) -> tuple[float, Mapping[str, float]]:
        """Return the loss, and what the most probable tokens are worth."""
        self.device = next(self.model.parameters()).device
        loss = mean_loss(self.model, encoded, self.languages.target.end, self.device)
        measured = pairs if self.config.pronounces else pairs[:MEASURED]
        return loss, self._scores(measured, beam=1)

    def _scores(self, pairs: Sequence[Pair], beam: int | None = None) -> Mapping[str, float]:
        summary = self._compare(pairs, self.search(beam, wanted=1))
        return {name: score for name, score in summary.items() if isinstance(score, float)}

    def _compare(
        self, pairs: Sequence[Pair], search: Search, rescoring: Rescoring | None = None
    ) -> TranslationSummary | PronunciationSummary:
        if not self.config.pronounces:
            answers = self.translate((pair.source for pair in pairs), search, rescoring)
            found = [answer.translations[0].text for answer in answers]
            return translation_summary(found, [pair.target for pair in pairs])
        references: dict[str, list[list[str]]] = {}
        for source, target in pairs:
            references.setdefault(source, []).append(target.split())
        answers = self.translate(references, search, rescoring)
        return pronunciation_summary(
            Pronunciation(answer.translations[0].text.split(), right)
            for answer, right in zip(answers, references.values(), strict=True)
        )


def _described(text: str, answer: Answer) -> dict[str, Any]:
    alternatives = [_scored(translation) for translation in answer.translations]
    best = answer.translations[0]
    described = {
        "input": text,
        **alternatives[0],
        "alternatives": alternatives,
        "source_tokens": answer.source,
        "target_tokens": best.tokens,
    }
    if best.weights is not None:
        described["attention"] = [[round(w, 5) for w in row] for row in best.weights.tolist()]
    return described


def _scored(translation: Translation) -> dict[str, Any]:
    scored = {"output": translation.text, "score": translation.score}
    if translation.log_probability is not None:
        scored["log_probability"] = translation.log_probability
    if translation.language_model is not None:
        scored["language_model"] = translation.language_model
    return scored


def _write_pairs(file: Path, pairs: Sequence[Pair]) -> None:
    with written_atomically(file) as temporary:
        temporary.write_text("".join(f"{p.source}\t{p.target}\n" for p in pairs), "utf-8")
