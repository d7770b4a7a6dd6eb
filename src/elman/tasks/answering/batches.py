"""Questions about stories as batches."""

from collections.abc import Sequence
from typing import NamedTuple, Self

import torch
from jaxtyping import Bool, Int
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from elman.tasks.answering.vocabulary import PADDING
from elman.tasks.batches import LabelledBatch


class Asked(NamedTuple):
    """Questions and their stories, side by side.

    Args:
        sentences: numbers of the words of each sentence, padded; the last sentences of each
            story, from the first of these on.
        questions: numbers of the words of each question, padded.
    """

    sentences: Int[Tensor, "sentences batch words"]
    questions: Int[Tensor, "time batch"]

    @property
    def mask(self) -> Bool[Tensor, "sentences batch"]:
        """Where there is a sentence: each has at least one word."""
        return self.sentences[..., 0] != PADDING

    def to(self, device: torch.device) -> Self:
        """Move the tensors.

        Args:
            device: where to.

        Returns:
            The same questions there.
        """
        return type(self)(self.sentences.to(device), self.questions.to(device))


AnswerBatch = LabelledBatch[Asked]
"""Questions to learn from; targets are the numbers of their answers."""


class EncodedQuestion(NamedTuple):
    """A question as numbers.

    Args:
        sentences: of the words of the sentences before it, padded.
        words: of its own words.
        answer: of its answer, or `UNKNOWN_ANSWER`.
    """

    sentences: Int[Tensor, "sentences words"]
    words: Int[Tensor, " time"]
    answer: int


def make_batch(questions: Sequence[EncodedQuestion]) -> AnswerBatch:
    """Put questions together.

    Args:
        questions: at least one.

    Returns:
        The batch.
    """
    longest = max(len(question.sentences) for question in questions)
    widest = max(question.sentences.shape[1] for question in questions)
    sentences = torch.full((longest, len(questions), widest), PADDING)
    for row, (story, _, _) in enumerate(questions):
        sentences[: len(story), row, : story.shape[1]] = story
    asked = pad_sequence([question.words for question in questions], padding_value=PADDING)
    targets = torch.tensor([question.answer for question in questions])
    return AnswerBatch(Asked(sentences, asked), targets)
