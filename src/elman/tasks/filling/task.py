"""Filling gaps as a task: prepared from text, saved, measured, answered."""

import math
import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, ClassVar, Self, cast

from torch import Tensor

from elman.data import Corpus, Tokenizer
from elman.data.units.word import UNKNOWN
from elman.errors import ConfigError, DataError
from elman.metrics import FillingSummary
from elman.tasks.filling.batches import Sentences
from elman.tasks.filling.config import FillingConfig
from elman.tasks.filling.data import FillingData
from elman.tasks.filling.gaps import Fillers, GappedSentence, fill, measure
from elman.tasks.filling.model import FillingModel
from elman.tasks.language_model.config import LanguageModelConfig
from elman.tasks.language_model.reading import read_text
from elman.tasks.task import Batching, Sources, Task, WordVectors

GAP = "___"
"""What stands for a missing word."""
_GAP = re.compile("___+")
ALTERNATIVES = 10
"""Words given for a gap."""
SHOWN = 5
"""Words shown to people."""
LINES_AT_ONCE = 64
"""Lines that are answered together; bounds the memory, changes no number."""
LEAST_WORDS = 3
"""Tokens of a vocabulary with a word in it, the unknown word and the boundary besides."""


class FillingTask(Task):
    """A network that fills gaps, with its vocabulary.

    Args:
        config: the settings.
        tokenizer: the words it knows.
        vectors: start of the word vectors, `[vocab, embed]`; random if None.

    Raises:
        ConfigError: if the text has no words.
    """

    kind: ClassVar[str] = "fill"
    config_class: ClassVar[type] = FillingConfig

    def __init__(
        self, config: FillingConfig, tokenizer: Tokenizer, vectors: Tensor | None = None
    ) -> None:
        super().__init__(config)
        if tokenizer.vocabulary_size < LEAST_WORDS:
            raise ConfigError("the text has no word but <unk>: there is nothing to fill gaps with.")
        self.tokenizer = tokenizer
        unknown = cast(int, tokenizer.unknown)  # words always have one
        self.model = FillingModel(config, tokenizer.vocabulary_size, unknown, vectors)

    @classmethod
    def prepare(
        cls, config: FillingConfig, folder: Path, sources: Sources, batching: Batching
    ) -> tuple[Self, FillingData]:
        """Read text, a sentence a line; see `Task.prepare`."""
        text = LanguageModelConfig(
            unit="word",
            vocabulary_size=config.vocabulary_size,
            embedding_size=config.embedding_size,
            vectors=config.vectors,
        )
        read, vectors = read_text(text, folder, sources, batching)
        data = FillingData(
            Sentences(read.train),
            Sentences(read.valid),
            read.tokenizer.boundary,
            batching.batch_size,
            batching.unroll,
            batching.seed,
        )
        return cls(config, read.tokenizer, vectors), data

    @classmethod
    def load(cls, config: FillingConfig, folder: Path) -> Self:
        """Rebuild from a run folder; see `Task.load`."""
        return cls(config, Tokenizer.load(folder / "tokenizer.json"))

    def save(self, folder: Path) -> None:
        """Write the vocabulary; see `Task.save`."""
        self.tokenizer.save(folder / "tokenizer.json")

    @contextmanager
    def reading(self, file: str) -> Iterator[Sentences]:
        """Read text while the block runs, kept on disk, out of the way of the memory.

        Args:
            file: a text file, or `-` for standard input.

        Yields:
            Its sentences.

        Raises:
            DataError: if the file cannot be read, or has no words.
        """
        with tempfile.TemporaryDirectory(prefix="elman-") as folder:
            yield Sentences(Corpus.build([file], self.tokenizer, Path(folder) / "corpus"))

    def evaluate(self, sentences: Sentences) -> FillingSummary:
        """Take every word for a gap, one at a time; see `measure`.

        Args:
            sentences: the sentences.

        Returns:
            The measures.
        """
        return measure(self.model, sentences, self.tokenizer.boundary, self.device)

    def predict(self, inputs: Iterable[str], where: str) -> Iterator[dict[str, Any]]:
        """Fill the gaps of sentences; see `Task.predict`.

        A gap is written `___`. Of several in a line each is filled while the others are taken for
        unknown words. The words given leave out `<unk>` and the boundary, so the probabilities of
        all words but these two add up to less than one.
        """
        numbered = ((text, f"{where} {number}") for number, text in enumerate(inputs, 1))
        gapped = (
            (text, words, self._encode(words, place))
            for text, place in numbered
            if (words := _GAP.sub(f" {GAP} ", text).split())
        )
        count = min(ALTERNATIVES + 2, self.tokenizer.vocabulary_size)
        ask = partial(fill, boundary=self.tokenizer.boundary, count=count, device=self.device)
        while some := list(islice(gapped, LINES_AT_ONCE)):
            found = ask(self.model, [sentence for _, _, sentence in some])
            for (text, words, sentence), fillers in zip(some, found, strict=True):
                yield self._answer(text, words, sentence, fillers)

    def show(self, answer: Mapping[str, Any]) -> str:
        """Write the filled sentence, and below it the best words of each gap; see `Task.show`."""
        lines = [answer["filled"]]
        for gap in range(1, 1 + max(entry["gap"] for entry in answer["alternatives"])):
            best = [entry for entry in answer["alternatives"] if entry["gap"] == gap][:SHOWN]
            lines.append("  " + "  ".join(f"{e['word']} {e['probability']:.3f}" for e in best))
        return "\n".join(lines)

    def word_vectors(self) -> WordVectors:
        """Return the learned vectors; see `Task.word_vectors`."""
        words = [self.tokenizer.token(id) for id in range(self.tokenizer.vocabulary_size)]
        return WordVectors(words, self.model.embedding.weight)

    def _encode(self, words: list[str], place: str) -> GappedSentence:
        gaps = [step for step, word in enumerate(words) if word == GAP]
        if not gaps:
            raise DataError(f"{place}: no gap to fill: write {GAP} where a word is missing.")
        text = " ".join(UNKNOWN if word == GAP else word for word in words)
        return GappedSentence(self.tokenizer.encode(text), gaps)

    def _answer(
        self, text: str, words: list[str], sentence: GappedSentence, fillers: Fillers
    ) -> dict[str, Any]:
        passed_over = (self.tokenizer.unknown, self.tokenizer.boundary)
        best, alternatives = [], []
        for number, (shares, ids) in enumerate(zip(*fillers, strict=True), 1):
            ranked = [
                {"gap": number, "word": self.tokenizer.token(id), "probability": share}
                for share, id in zip(shares.tolist(), ids.tolist(), strict=True)
                if id not in passed_over
            ][:ALTERNATIVES]
            best.append(ranked[0])
            alternatives += ranked
        filled = list(words)
        for step, entry in zip(sentence.gaps, best, strict=True):
            filled[step] = entry["word"]
        return {
            "input": text.strip(),
            "output": " ".join(entry["word"] for entry in best),
            "score": math.prod(entry["probability"] for entry in best),
            "filled": " ".join(filled),
            "alternatives": alternatives,
        }
