"""Question answering as a task: prepared from stories, saved, measured, answered."""

import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np

from elman.data.babi import Story, read_stories
from elman.tasks.answering.answers import Answer, AnsweringSummary, answer_questions, summarise
from elman.tasks.answering.build import build_network
from elman.tasks.answering.config import AnsweringConfig
from elman.tasks.answering.data import AnsweringData
from elman.tasks.answering.look import look_at, tell
from elman.tasks.answering.network import AnsweringNetwork
from elman.tasks.answering.reading import encode_questions, parse_inputs, unknown_words
from elman.tasks.answering.vocabulary import FIRST, Vocabulary
from elman.tasks.held_out import hold_out
from elman.tasks.task import Batching, Finding, Sources, Task, WordVectors

STORIES_AT_ONCE = 64
"""Stories whose questions are answered together; bounds the memory."""


class AnsweringTask(Task):
    """A network that answers questions about stories, with its vocabulary.

    Args:
        config: the settings.
        vocabulary: what it knows.
    """

    kind: ClassVar[str] = "answer"
    config_class: ClassVar[type] = AnsweringConfig

    def __init__(self, config: AnsweringConfig, vocabulary: Vocabulary) -> None:
        super().__init__(config)
        self.vocabulary = vocabulary
        self.model: AnsweringNetwork = build_network(config, vocabulary)

    @classmethod
    def prepare(
        cls, config: AnsweringConfig, folder: Path, sources: Sources, batching: Batching
    ) -> tuple[Self, AnsweringData]:
        """Read stories; see `Task.prepare`.

        Without a file to measure on, the last tenth of each file is held out.
        """
        train, valid = [], {}
        for file in sources.train:
            stories = list(read_stories(file))
            if sources.valid is None:
                stories, valid[file] = hold_out(stories, "story")
            train += stories
        if sources.valid is not None:
            valid[sources.valid] = list(read_stories(sources.valid))
        task = cls(config, Vocabulary.gather(train))
        task.save(folder)
        task._warn_of_unknown([story for stories in valid.values() for story in stories])
        learnt = encode_questions(task.vocabulary, train, config.most_sentences)
        measured = {
            name: encode_questions(task.vocabulary, valid[file], config.most_sentences)
            for name, file in zip(_short_names(list(valid)), valid, strict=True)
        }
        return task, AnsweringData(learnt, measured, batching.batch_size, batching.seed)

    @classmethod
    def load(cls, config: AnsweringConfig, folder: Path) -> Self:
        """Rebuild from a run folder; see `Task.load`."""
        return cls(config, Vocabulary.load(folder))

    def save(self, folder: Path) -> None:
        """Write the vocabulary; see `Task.save`."""
        self.vocabulary.save(folder)

    @contextmanager
    def reading(self, file: str) -> Iterator[list[Story]]:
        """Read stories while the block runs.

        Args:
            file: a file in the format of the bAbI tasks, or `-` for standard input.

        Yields:
            The stories.

        Raises:
            DataError: if the file cannot be read, or a question has no answer.
        """
        stories = list(read_stories(file))
        self._warn_of_unknown(stories)
        yield stories

    def evaluate(self, stories: Sequence[Story]) -> AnsweringSummary:
        """Measure the model on stories.

        Args:
            stories: with answers.

        Returns:
            Accuracy and error.
        """
        asked = [question for story in stories for question in story.questions]
        right = np.array([self.vocabulary.number_of(question.answer) for question in asked])
        return summarise(self.answer(stories), right)

    def answer(self, stories: Sequence[Story]) -> list[Answer]:
        """Answer the questions of stories.

        Args:
            stories: the stories.

        Returns:
            One answer a question, in their order.
        """
        questions = encode_questions(self.vocabulary, stories, self.config.most_sentences)
        return answer_questions(self.model, questions, self.device)

    def predict(self, inputs: Iterable[str], where: str) -> Iterator[dict[str, Any]]:
        """Answer questions about stories; see `Task.predict` and `parse_inputs`."""
        given = parse_inputs(inputs, where)
        names = list(self.vocabulary.answers)
        while stories := list(islice(given, STORIES_AT_ONCE)):
            answers = iter(self.answer(stories))
            for story in stories:
                for question in story.questions:
                    told = " ".join([*story.sentences[: question.seen], question.text])
                    yield {"input": told, **tell(next(answers), names)}

    def look_inside(self, file: str, folder: Path) -> Iterator[Finding]:
        """Show where the network looks, and what it is least sure of; see `Task.look_inside`."""
        with self.reading(file) as stories:
            answers = self.answer(stories)
            yield from look_at(stories, answers, list(self.vocabulary.answers), folder)

    def word_vectors(self) -> WordVectors:
        """Return the learned vectors; see `Task.word_vectors`."""
        return WordVectors(list(self.vocabulary.words), self.model.embedding.weight[FIRST:])

    def _warn_of_unknown(self, stories: Sequence[Story]) -> None:
        """Tell of words and answers that were never seen."""
        words = unknown_words(self.vocabulary, stories)
        if words:
            warnings.warn(
                f"words that the training data does not have: {words}; they are taken for unknown.",
                stacklevel=3,
            )
        answers = [
            question.answer
            for story in stories
            for question in story.questions
            if question.answer not in self.vocabulary.answers
        ]
        if answers:
            warnings.warn(
                f"answers that the training data does not have: {len(answers)}, such as "
                f"{answers[0]!r}; they are counted as wrong.",
                stacklevel=3,
            )


def _short_names(files: Sequence[str]) -> list[str]:
    """Name files as briefly as tells them apart: `qa1` for `qa1_single-supporting-fact_train`."""
    stems = [Path(file).name.partition(".")[0] for file in files]
    short = [stem.partition("_")[0] for stem in stems]
    for names in (short, stems):
        if len(set(names)) == len(files):
            return names
    return list(files)
