"""What an answering network knows: words, and answers."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple, Self

import torch
from jaxtyping import Int
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from elman.data.babi import Story, words_of
from elman.errors import CheckpointError
from elman.files import written_atomically

PADDING, UNKNOWN = 0, 1
"""Numbers that stand for no word, and for one that the training data does not have."""
FIRST = 2
"""The number of the first known word."""
UNKNOWN_ANSWER = -1
"""Stands for an answer that the training data does not have."""
FILE = "labels.json"


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
        return cls(_numbers(sorted(words), FIRST), _numbers(sorted(answers)))

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
        with written_atomically(folder / FILE) as temporary:
            temporary.write_text(json.dumps(contents, ensure_ascii=False, indent=0) + "\n", "utf-8")

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
        path = folder / FILE
        try:
            contents = json.loads(path.read_text("utf-8"))
            return cls(_numbers(contents["words"], FIRST), _numbers(contents["answers"]))
        except FileNotFoundError:
            raise CheckpointError(f"{path} is missing: the run is incomplete.") from None
        except (ValueError, KeyError, TypeError):
            raise CheckpointError(f"{path} is damaged: train the model again.") from None


def _numbers(entries: Iterable[str], first: int = 0) -> dict[str, int]:
    return {entry: number for number, entry in enumerate(entries, first)}
