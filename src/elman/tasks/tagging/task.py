"""Tagging as a task: prepared from columns, saved, measured, answered."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Self, cast

import torch
from jaxtyping import Float
from torch import Tensor

from elman.data.conll import TaggedSentence, read_sentences
from elman.data.running_text import split_words
from elman.data.tag_schemes import find_spans
from elman.errors import CheckpointError, DataError
from elman.metrics import tagging_summary
from elman.tasks.held_out import hold_out
from elman.tasks.tagging.answers import Answer, answer_sentences, mean_loss
from elman.tasks.tagging.chain import ChainTagger
from elman.tasks.tagging.columns import EMPTY, add_columns, read_blocks
from elman.tasks.tagging.config import TaggingConfig
from elman.tasks.tagging.data import EncodedSentence, TaggingData
from elman.tasks.tagging.hidden_markov import HiddenMarkovTagger
from elman.tasks.tagging.hidden_states import HiddenStateTagger, measure_states
from elman.tasks.tagging.look import draw_transitions, look_at_words
from elman.tasks.tagging.network import TaggingNetwork
from elman.tasks.tagging.predictions import Item, describe, in_order, side_by_side
from elman.tasks.tagging.preparation import gather_vocabulary, warn_of_tags
from elman.tasks.tagging.vocabulary import FIRST, Vocabulary
from elman.tasks.task import Batching, Finding, Sources, Task, WordVectors
from elman.tasks.word_vectors import start_vectors


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
        model: TaggingNetwork | ChainTagger | None,
    ) -> None:
        super().__init__(config)
        self.vocabulary = vocabulary
        self.model: Any = model

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
        task = cls.create(config, gather_vocabulary(config, train))
        task.save(folder)
        encoded: list[EncodedSentence] = []
        if not task.is_counted:
            if config.vectors is not None:
                start_vectors(task.model.embedding, config.vectors, task.vocabulary.words)
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

    @property
    def is_supervised(self) -> bool:
        """Whether the tags are learnt from tags, and not found as hidden states."""
        return self.config.hidden_states is None

    def fit(self, data: TaggingData, say: Callable[[str], None]) -> None:
        """Count the training data, or learn its hidden states; see `Task.fit`."""
        states = self.config.hidden_states
        if states is None:
            pairs = [(s.words, self.vocabulary.encode_tags(s.tags)) for s in data.sentences]
            known = self.vocabulary
            self.model = HiddenMarkovTagger.fit(pairs, len(known.tags), known.allowed())
        else:
            words = [sentence.words for sentence in data.sentences]
            known_words = self.vocabulary.words
            self.model = HiddenStateTagger.fit(words, known_words, states, data.seed, say)

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
        if isinstance(self.model, HiddenStateTagger):
            return self.model.arrays()
        return super().arrays()

    def restore(self, arrays: Mapping[str, Tensor]) -> None:
        """Take back weights, or counts; see `Task.restore`."""
        if self.is_counted:
            known = self.vocabulary
            rows = len(arrays.get("words", arrays.get("emissions", torch.empty(0, 0)).T))
            if rows != len(known.words) + (not self.is_supervised):
                raise CheckpointError(
                    f"the counts are of {rows} words, the vocabulary has {len(known.words)}."
                )
            if self.is_supervised:
                self.model = HiddenMarkovTagger.from_arrays(arrays, known.words, known.allowed())
            else:
                self.model = HiddenStateTagger.from_arrays(arrays, known.words)
        else:
            super().restore(arrays)

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
        if self.is_supervised:
            if not sentences[0].tags:
                raise DataError(f"{file} has no tags to compare with: give a tag a word.")
            warn_of_tags(sentences, self.vocabulary)
        yield sentences

    def evaluate(self, sentences: Sequence[TaggedSentence]) -> Mapping[str, float]:
        """Measure the model on tagged sentences; see `tagging_summary`.

        Args:
            sentences: the sentences.

        Returns:
            Accuracy, and precision, recall and F1 of spans; of hidden states the loss, nats a
            word, and how well they stand for tags, if there are any.
        """
        answers = self.answer(sentence.words for sentence in sentences)
        pairs = [
            (sentence.tags, self.vocabulary.decode_tags(answer.tags))
            for sentence, answer in zip(sentences, answers, strict=True)
        ]
        if isinstance(self.model, HiddenStateTagger):
            words = [sentence.words for sentence in sentences]
            return measure_states(self.model, words, pairs)
        find = None if self.vocabulary.scheme is None else find_spans
        return cast(Mapping[str, float], tagging_summary(pairs, find))

    def answer(
        self, sentences: Iterable[Sequence[str]], *, probabilities: bool = False, paths: int = 1
    ) -> Iterator[Answer]:
        """Tag sentences.

        Args:
            sentences: words of each, at least one.
            probabilities: whether those of all tags are wanted.
            paths: sequences of tags wanted of each, at least 1.

        Yields:
            One answer a sentence, in their order.
        """
        return answer_sentences(
            self.model, self._look_up, sentences, probabilities=probabilities, paths=paths
        )

    def predict(
        self, inputs: Iterable[str], where: str, *, beam: int = 1
    ) -> Iterator[dict[str, Any]]:
        """Tag lines of running text.

        Args:
            inputs: the lines.
            where: see `Task.predict`.
            beam: sequences of tags wanted of each, the most probable ones.

        Yields:
            For each line `input`, `words`, `output`, the `score` of each tag, and `alternatives`
            if more than one sequence is wanted.
        """
        texts = ((text, split_words(text)) for text in inputs)
        for text, words, answer in self._answered(texts, beam):
            if answer is not None:
                yield {"input": text, **describe(self.vocabulary, words, answer, beam)}

    def predict_columns(
        self, lines: Iterable[str], name: str, *, beam: int = 1
    ) -> Iterator[dict[str, Any]]:
        """Tag the words of a file in columns.

        Args:
            lines: of the file.
            name: of the file, in messages.
            beam: sequences of tags wanted of each sentence, the most probable ones.

        Yields:
            As `predict` does for each block between blank lines; `columns` is the block with the
            tags as its last column, or the last `beam` columns.

        Raises:
            DataError: see `read_blocks`.
        """
        blocks = read_blocks(lines, name, self.config.column)
        items = ((block, block.sentence.words) for block in blocks)
        for block, words, answer in self._answered(items, beam):
            text = {"input": " ".join(words)}
            if answer is None:  # comments, or the start of a document
                nothing: list[str] = []
                yield text | {"words": [], "output": [], "columns": add_columns(block, [nothing])}
                continue
            described = describe(self.vocabulary, words, answer, beam)
            missing = beam - len(described.get("alternatives", [0]))
            tags = [*side_by_side(described), *[[EMPTY] * len(words)] * missing]
            yield text | described | {"columns": add_columns(block, tags)}

    def _answered(
        self, items: Iterable[tuple[Item, Sequence[str]]], beam: int
    ) -> Iterator[tuple[Item, Sequence[str], Answer | None]]:
        return in_order(items, partial(self.answer, probabilities=True, paths=beam))

    def look_inside(self, file: str, folder: Path) -> Iterator[Finding]:
        """Look at transitions, uncertain words and confused tags; see `Task.look_inside`."""
        names = list(self.vocabulary.tags)
        chain = self.model.chain if self.is_counted else self.model.crf
        if chain is not None:
            yield draw_transitions(chain, names, folder, probabilities=self.is_counted)
        own = (
            (s._replace(tags=self.vocabulary.inside(s.tags) if self.is_supervised else ()), s.words)
            for s in read_sentences(file, self.config.column)
        )
        answers = ((s, answer) for s, _, answer in self._answered(own, 1) if answer is not None)
        yield from look_at_words(answers, names)

    def word_vectors(self) -> WordVectors:
        """Return the learned vectors of words, without their spelling; see `Task.word_vectors`."""
        if not isinstance(self.model, TaggingNetwork):
            return super().word_vectors()
        return WordVectors(list(self.vocabulary.words), self.model.embedding.weight[FIRST:])

    def show(self, answer: Mapping[str, Any]) -> str:
        """Write an answer in columns, a word a line; see `Task.show`."""
        if "columns" in answer:
            return f"{answer['columns']}\n"
        rows = zip(answer["words"], *side_by_side(answer), strict=True)
        return "".join("\t".join(row) + "\n" for row in rows)

    def _measure(self, sentences: Sequence[TaggedSentence]) -> tuple[float, Mapping[str, float]]:
        """Return loss and summary; sentences with unseen tags are left out of the loss."""
        if not self.is_supervised:
            summary = self.evaluate(sentences)
            return summary["loss"], {k: v for k, v in summary.items() if k != "loss"}
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

    def _look_up(self, words: Sequence[str]) -> Float[Tensor, "words vector"]:
        if isinstance(self.model, ChainTagger):
            return self.model.look_up(words)
        network: TaggingNetwork = self.model
        columns = self.vocabulary.encode_words(words, spelling=network.reads_spelling)
        return network.look_up(columns.to(self.device))
