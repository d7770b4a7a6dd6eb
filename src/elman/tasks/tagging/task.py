"""Tagging as a task: prepared from columns, saved, measured, answered."""

import warnings
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Self

import torch
from torch import Tensor

from elman.data import Tokenizer
from elman.data.conll import TaggedSentence, read_sentences
from elman.data.running_text import split_words
from elman.data.tag_schemes import count_broken, find_spans
from elman.errors import DataError
from elman.metrics import TaggingSummary, tagging_summary
from elman.tasks.held_out import hold_out
from elman.tasks.tagging.answers import Answer, answer_sentences, mean_loss
from elman.tasks.tagging.config import TaggingConfig
from elman.tasks.tagging.data import EncodedSentence, TaggingData
from elman.tasks.tagging.hidden_markov import HiddenMarkovTagger
from elman.tasks.tagging.network import TaggingNetwork
from elman.tasks.tagging.vocabulary import FIRST, Vocabulary
from elman.tasks.task import Batching, Sources, Task
from elman.tasks.word_vectors import read_fitting_vectors


class TaggingTask(Task):
    """A tagger with its vocabulary.

    Args:
        config: the settings.
        vocabulary: what it knows.
        model: the model; None until a hidden Markov model has been fitted or restored.
    """

    kind: ClassVar[str] = "tag"
    config_class: ClassVar[type] = TaggingConfig

    def __init__(
        self,
        config: TaggingConfig,
        vocabulary: Vocabulary,
        model: TaggingNetwork | HiddenMarkovTagger | None,
    ) -> None:
        super().__init__(config)
        self.vocabulary = vocabulary
        self.model: Any = model
        self.device = torch.device("cpu")

    @classmethod
    def prepare(
        cls, config: TaggingConfig, folder: Path, sources: Sources, batching: Batching
    ) -> tuple[Self, TaggingData]:
        """Read tagged sentences; see `Task.prepare`."""
        train = [s for file in sources.train for s in read_sentences(file, config.column)]
        if sources.valid is not None:
            valid = list(read_sentences(sources.valid, config.column))
        else:
            train, valid = hold_out(train, "sentence")
        counted = config.model == "hmm"
        vocabulary = Vocabulary.gather(
            [(sentence.words, sentence.tags) for sentence in train],
            lowercase=config.lowercase and not counted,
            size=None if counted else config.vocabulary_size,
        )
        _warn_of_broken(train, vocabulary)
        task = cls.create(config, vocabulary)
        if config.vectors is not None and not counted:
            _fill_vectors(task.model, config, vocabulary)
        task.save(folder)
        encoded = [task._encode(sentence) for sentence in train]
        measure = partial(task._measure, valid)
        return task, TaggingData(encoded, train, measure, batching.batch_size, batching.seed)

    @classmethod
    def create(cls, config: TaggingConfig, vocabulary: Vocabulary) -> Self:
        """Make a task with fresh weights.

        Args:
            config: the settings.
            vocabulary: what it knows.

        Returns:
            The task.
        """
        model = None if config.model == "hmm" else TaggingNetwork(config, vocabulary)
        return cls(config, vocabulary, model)

    @property
    def is_counted(self) -> bool:
        """Whether this is a hidden Markov model; see `Task.is_counted`."""
        return self.config.model == "hmm"

    def fit(self, data: TaggingData) -> None:
        """Count the training data, for the hidden Markov model.

        Args:
            data: the sentences.
        """
        pairs = [(s.words, self.vocabulary.encode_tags(s.tags)) for s in data.sentences]
        self.model = HiddenMarkovTagger.fit(pairs, len(self.vocabulary.tags))

    @classmethod
    def load(cls, config: TaggingConfig, folder: Path) -> Self:
        """Rebuild from a run folder; see `Task.load`."""
        return cls.create(config, Vocabulary.load(folder))

    def save(self, folder: Path) -> None:
        """Write the vocabulary; see `Task.save`."""
        self.vocabulary.save(folder)

    def arrays(self) -> dict[str, Tensor]:
        """Return weights, or counts; see `Task.arrays`."""
        if isinstance(self.model, HiddenMarkovTagger):
            return self.model.arrays(self.vocabulary.words)
        return super().arrays()

    def restore(self, arrays: Mapping[str, Tensor]) -> None:
        """Take back weights, or counts; see `Task.restore`."""
        if self.is_counted:
            self.model = HiddenMarkovTagger.from_arrays(arrays, self.vocabulary.words)
        else:
            super().restore(arrays)

    def to(self, device: torch.device) -> Self:
        """Move the model, ready to answer; see `Task.to`."""
        if isinstance(self.model, TaggingNetwork):
            self.model.to(device).eval()
            self.device = device
        return self

    @contextmanager
    def reading(self, file: str) -> Iterator[list[TaggedSentence]]:
        """Read tagged sentences while the block runs.

        Args:
            file: a file of the kind the task was trained on, or `-` for standard input.

        Yields:
            The sentences.

        Raises:
            DataError: if the file cannot be read, or has no tags.
        """
        sentences = list(read_sentences(file, self.config.column))
        if not sentences[0].tags:
            raise DataError(f"{file} has no tags to compare with: give a file with a tag a word.")
        _warn_of_broken(sentences, self.vocabulary)
        yield sentences

    def evaluate(self, sentences: Sequence[TaggedSentence]) -> TaggingSummary:
        """Measure the model on tagged sentences; see `tagging_summary`.

        Args:
            sentences: the sentences.

        Returns:
            Accuracy, and precision, recall and F1 of spans.
        """
        answers = self.answer(sentence.words for sentence in sentences)
        pairs = (
            (sentence.tags, self.vocabulary.decode_tags(answer.tags))
            for sentence, answer in zip(sentences, answers, strict=True)
        )
        return tagging_summary(pairs, None if self.vocabulary.scheme is None else find_spans)

    def answer(
        self, sentences: Iterable[Sequence[str]], *, probabilities: bool = False
    ) -> Iterator[Answer]:
        """Tag sentences.

        Args:
            sentences: words of each, at least one.
            probabilities: whether those of all tags are wanted.

        Yields:
            One answer a sentence, in their order.
        """
        if isinstance(self.model, HiddenMarkovTagger):
            return map(partial(self.model.answer, probabilities=probabilities), sentences)
        return answer_sentences(
            self.model, self.vocabulary, sentences, self.device, probabilities=probabilities
        )

    def predict(self, inputs: Iterable[str], where: str) -> Iterator[dict[str, Any]]:
        """Tag lines of running text; see `Task.predict`."""
        kept: deque[tuple[str, list[str]]] = deque()

        def sentences() -> Iterator[list[str]]:
            for text in inputs:
                if words := split_words(text):
                    kept.append((text, words))
                    yield words

        for answer in self.answer(sentences(), probabilities=True):
            (text, words), shares = kept.popleft(), answer.probabilities
            assert shares is not None
            yield {
                "input": text,
                "words": words,
                "output": self.vocabulary.decode_tags(answer.tags),
                "score": shares[range(len(shares)), answer.tags].tolist(),
            }

    def show(self, answer: Mapping[str, Any]) -> str:
        """Write an answer in columns, a word a line; see `Task.show`."""
        pairs = zip(answer["words"], answer["output"], strict=True)
        return "".join(f"{word}\t{tag}\n" for word, tag in pairs)

    def _measure(self, sentences: Sequence[TaggedSentence]) -> tuple[float, TaggingSummary]:
        """Return loss and summary; sentences with unseen tags are left out of the loss."""
        encoded = map(self._encode, sentences)
        pairs = zip(sentences, encoded, strict=True)
        known = [(sentence, own) for sentence, own in pairs if (own.tags >= 0).all()]
        if not known:
            raise DataError("every held-out sentence has a tag that the training data lacks.")
        if isinstance(self.model, HiddenMarkovTagger):
            loss = self.model.loss([(s.words, own.tags.tolist()) for s, own in known])
        else:
            loss = mean_loss(self.model, [own for _, own in known], self.device)
        return loss, self.evaluate(sentences)

    def _encode(self, sentence: TaggedSentence) -> EncodedSentence:
        spelling = isinstance(self.model, TaggingNetwork) and self.model.reads_spelling
        words = self.vocabulary.encode_words(sentence.words, spelling=spelling)
        return EncodedSentence(words, torch.tensor(self.vocabulary.encode_tags(sentence.tags)))


def _warn_of_broken(sentences: Sequence[TaggedSentence], vocabulary: Vocabulary) -> None:
    """Tell of tags that break their scheme, and of tags that were never seen."""
    scheme = vocabulary.scheme
    if scheme is not None:
        broken = sum(count_broken(sentence.tags, scheme) for sentence in sentences)
        if broken:
            warnings.warn(
                f"{broken} tags break the scheme {scheme} of the training data; their spans are "
                "read as the standard script reads them.",
                stacklevel=2,
            )
    unseen = {
        tag
        for sentence in sentences
        for tag, number in zip(sentence.tags, vocabulary.encode_tags(sentence.tags), strict=True)
        if number < 0
    }
    if unseen:
        warnings.warn(
            f"the training data has no word tagged {', '.join(sorted(unseen))}: such words are "
            "counted as wrong.",
            stacklevel=2,
        )


def _fill_vectors(model: TaggingNetwork, config: TaggingConfig, vocabulary: Vocabulary) -> None:
    """Start the vectors of words that a file has from there."""
    assert config.vectors is not None
    tokenizer = Tokenizer.train([" ".join(vocabulary.words)], "word", None)
    found, known = read_fitting_vectors(config.vectors, tokenizer, config.embedding_size)
    rows = {tokenizer.token(number): number for number in known.nonzero()[0].tolist()}
    with torch.no_grad():
        for place, word in enumerate(vocabulary.words, FIRST):
            if word in rows:
                model.embedding.weight[place] = torch.from_numpy(found[rows[word]])
