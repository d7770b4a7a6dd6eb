"""What an answering network knows: words, and answers."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, Self

import torch
from jaxtyping import Int
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from elman.data.babi import Story, words_of
from elman.tasks.labels import numbered, read_labels, write_labels

PADDING, UNKNOWN = 0, 1
"""Numbers that stand for no word, and for one that the training data does not have."""
FIRST = 2
"""The number of the first known word."""
UNKNOWN_ANSWER = -1
"""Stands for an answer that the training data does not have."""


class Vocabulary(NamedTuple):
    """The words and answers of the training data.

    Args:
        words: by number, from `FIRST` on.
        answers: by number, from 0; an answer of several words is one answer.
    """

    words: dict[str, int]
    answers: dict[str, int]

    @classmethod
    def gather(cls, stories: Sequence[Story]) -> Self:
        """Gather a vocabulary.

        Args:
            stories: with answers.

        Returns:
            All their words and answers, in the order of the alphabet.
        """
        words, answers = set[str](), set[str]()
        for story in stories:
            for sentence in story.sentences:
                words.update(words_of(sentence))
            for question in story.questions:
                words.update(words_of(question.text))
                answers.add(str(question.answer))
        return cls(numbered(sorted(words), FIRST), numbered(sorted(answers)))

    def encode(self, text: str) -> Int[Tensor, " words"]:
        """Turn a sentence or a question into numbers.

        Args:
            text: of the sentence.

        Returns:
            Those of its words; the unknown word for a sentence without any.
        """
        found = [self.words.get(word, UNKNOWN) for word in words_of(text)]
        return torch.tensor(found or [UNKNOWN])

    def encode_sentences(self, sentences: Sequence[str]) -> Int[Tensor, "sentences words"]:
        """Turn sentences into numbers.

        Args:
            sentences: at least one.

        Returns:
            Those of their words, padded at the end.
        """
        encoded = [self.encode(sentence) for sentence in sentences]
        return pad_sequence(encoded, batch_first=True, padding_value=PADDING)

    def number_of(self, answer: str | None) -> int:
        """Look an answer up.

        Args:
            answer: the answer.

        Returns:
            Its number, or `UNKNOWN_ANSWER`.
        """
        return UNKNOWN_ANSWER if answer is None else self.answers.get(answer, UNKNOWN_ANSWER)

    def save(self, folder: Path) -> None:
        """Write the vocabulary.

        Args:
            folder: the run folder.
        """
        contents = {"answers": list(self.answers), "words": list(self.words)}
        write_labels(folder, contents)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote.

        Args:
            folder: the run folder.

        Returns:
            The vocabulary.

        Raises:
            CheckpointError: if the file is missing or damaged.
        """
        return read_labels(
            folder, lambda read: cls(numbered(read["words"], FIRST), numbered(read["answers"]))
        )
