"""The language model as a task: prepared from text, saved, scored, generated from."""

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar, Self

import torch
from torch import Tensor

from elman.data import Corpus, Tokenizer
from elman.decoding import Hypothesis, Sampler
from elman.errors import CheckpointError
from elman.metrics import LanguageModelSummary
from elman.statistical import KneserNey
from elman.tasks.language_model.build import build_model
from elman.tasks.language_model.config import LanguageModelConfig
from elman.tasks.language_model.data import LanguageModelData
from elman.tasks.language_model.generation import (
    generate_stream,
    generate_texts,
    most_probable_texts,
)
from elman.tasks.language_model.look import look_at
from elman.tasks.language_model.model import NeuralLanguageModel
from elman.tasks.language_model.ngram import NGramLanguageModel
from elman.tasks.language_model.reading import read_text
from elman.tasks.language_model.scoring import (
    LineTotals,
    TextScore,
    TokenScore,
    evaluate_stream,
    line_totals,
    score_texts,
)
from elman.tasks.task import Batching, Finding, Sources, Task, WordVectors


class LanguageModelTask(Task):
    """A language model with its tokeniser.

    Args:
        config: the settings.
        tokenizer: the tokeniser.
        model: the model; None until an n-gram model has been fitted or restored.
    """

    kind: ClassVar[str] = "lm"
    config_class: ClassVar[type] = LanguageModelConfig

    def __init__(
        self,
        config: LanguageModelConfig,
        tokenizer: Tokenizer,
        model: NeuralLanguageModel | NGramLanguageModel | None,
    ) -> None:
        super().__init__(config)
        self.tokenizer = tokenizer
        self.model: Any = model

    @classmethod
    def prepare(
        cls, config: LanguageModelConfig, folder: Path, sources: Sources, batching: Batching
    ) -> tuple[Self, LanguageModelData]:
        """Read text; see `Task.prepare`."""
        if config.model == "ngram":  # counted, and measured in one row so that no context is cut
            batching = batching._replace(batch_size=1)
        prepared = read_text(config, folder, sources, batching)
        return cls.create(config, prepared.data.tokenizer, prepared.vectors), prepared.data

    @classmethod
    def create(
        cls, config: LanguageModelConfig, tokenizer: Tokenizer, vectors: Tensor | None = None
    ) -> Self:
        """Make a task with fresh weights.

        Args:
            config: the settings.
            tokenizer: the tokeniser.
            vectors: start of the learned token vectors, `[vocab, embed]`.

        Returns:
            The task.
        """
        model = None
        if config.model != "ngram":
            model = build_model(config, tokenizer.vocabulary_size, tokenizer.boundary, vectors)
        return cls(config, tokenizer, model)

    @property
    def is_counted(self) -> bool:
        """Whether this is an n-gram model; see `Task.is_counted`."""
        return self.config.model == "ngram"

    def fit(self, data: LanguageModelData, say: Callable[[str], None]) -> None:
        """Count the training text, for the n-gram model; see `Task.fit`."""
        self.model = NGramLanguageModel.fit(
            data.train.tokens,
            order=self.config.order,
            vocabulary_size=self.tokenizer.vocabulary_size,
            boundary=self.tokenizer.boundary if self.config.unit == "word" else None,
        )

    @classmethod
    def load(cls, config: LanguageModelConfig, folder: Path) -> Self:
        """Rebuild from a run folder; see `Task.load`."""
        return cls.create(config, Tokenizer.load(folder / "tokenizer.json"))

    def save(self, folder: Path) -> None:
        """Write the tokeniser; see `Task.save`."""
        self.tokenizer.save(folder / "tokenizer.json")

    def arrays(self) -> dict[str, Tensor]:
        """Return weights, or counts; see `Task.arrays`."""
        if isinstance(self.model, NGramLanguageModel):
            return {k: torch.from_numpy(v) for k, v in self.model.counts.arrays().items()}
        return super().arrays()

    def restore(self, arrays: Mapping[str, Tensor]) -> None:
        """Take back weights, or counts; see `Task.restore`."""
        if self.config.model == "ngram":
            counts = KneserNey.from_arrays({k: v.numpy() for k, v in arrays.items()})
            if counts.vocabulary_size != self.tokenizer.vocabulary_size:
                raise CheckpointError(
                    f"the counts are of {counts.vocabulary_size} tokens, "
                    f"the tokeniser has {self.tokenizer.vocabulary_size}."
                )
            self.model = NGramLanguageModel(counts)
        else:
            super().restore(arrays)
            self.model.eval()

    def word_vectors(self) -> WordVectors:
        """Return the learned vectors, where tokens are words; see `Task.word_vectors`."""
        learned = self.config.model != "ngram" and self.config.input == "learned"
        if self.config.unit != "word" or not learned:
            return super().word_vectors()
        words = [self.tokenizer.token(id) for id in range(self.tokenizer.vocabulary_size)]
        return WordVectors(words, self.model.embedding.weight)

    @contextmanager
    def reading(self, file: str) -> Iterator[Corpus]:
        """Tokenise a file on disk, out of the way of the memory, while the block runs.

        Args:
            file: a text file, `.gz` or not, or `-` for standard input.

        Yields:
            The text.

        Raises:
            DataError: if the file cannot be read, or has characters the tokeniser does not know.
        """
        with tempfile.TemporaryDirectory(prefix="elman-") as folder:
            yield Corpus.build([file], self.tokenizer, Path(folder) / "corpus")

    def look_inside(self, file: str, folder: Path) -> Iterator[Finding]:
        """Look at what the model does on a text; see `look_at`."""
        return look_at({"model": self}, file, folder)

    def score(self, texts: Sequence[str]) -> list[tuple[TextScore, list[TokenScore]]]:
        """Score texts; see `score_texts`."""
        return score_texts(self.model, self.tokenizer, texts, self.device)

    def evaluate(self, corpus: Corpus) -> LanguageModelSummary:
        """Measure the model on a corpus; see `evaluate_stream`."""
        return evaluate_stream(self.model, corpus, self.tokenizer, self.device)

    def line_totals(self, corpus: Corpus) -> LineTotals:
        """Measure the model line by line; see `line_totals`."""
        return line_totals(self.model, corpus, self.tokenizer, self.device)

    def generate(
        self,
        prompt: str = "",
        *,
        length: int = 500,
        sampler: Sampler | None = None,
        seed: int = 1,
        count: int = 1,
    ) -> list[str]:
        """Generate texts; see `generate_texts`."""
        return generate_texts(
            self.model,
            self.tokenizer,
            prompt=prompt,
            length=length,
            sampler=sampler or Sampler(),
            seed=seed,
            count=count,
            device=self.device,
        )

    def stream(
        self, prompt: str = "", *, length: int = 500, sampler: Sampler | None = None, seed: int = 1
    ) -> Iterator[str]:
        """Generate one text piece by piece; see `generate_stream`."""
        return generate_stream(
            self.model,
            self.tokenizer,
            prompt=prompt,
            length=length,
            sampler=sampler or Sampler(),
            seed=seed,
            device=self.device,
        )

    def search(self, prompt: str = "", *, length: int, width: int) -> list[tuple[str, Hypothesis]]:
        """Search for probable continuations; see `most_probable_texts`."""
        return most_probable_texts(
            self.model,
            self.tokenizer,
            prompt=prompt,
            length=length,
            width=width,
            device=self.device,
        )
