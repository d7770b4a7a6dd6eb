"""From questions to answers, many at a time."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple, TypedDict

import numpy as np
import torch
from jaxtyping import Float, Int

from elman.tasks.answering.batches import EncodedQuestion, make_batch
from elman.tasks.answering.network import AnsweringNetwork
from elman.tasks.answering.vocabulary import UNKNOWN_ANSWER
from elman.tasks.batches import Batches, by_length

QUESTIONS_AT_ONCE = 128
"""Questions answered together where nothing is learnt; bounds the memory."""


class AnsweringSummary(TypedDict):
    """What `elman evaluate` tells about answered questions.

    Args:
        questions: questions measured.
        loss: nats a question, those left out whose answer the training data does not have.
        accuracy: share of the questions whose answer is found.
        mean_error: 1 - accuracy; over several files, the mean of theirs.
    """

    questions: int
    loss: float
    accuracy: float
    mean_error: float


class Answer(NamedTuple):
    """What a network says to a question.

    Args:
        log_probs: of each answer.
        attention: for each hop the share of each sentence; None if the network has none.
    """

    log_probs: Float[np.ndarray, " answers"]
    attention: Float[np.ndarray, "hops sentences"] | None


def answer_questions(
    network: AnsweringNetwork, questions: Sequence[EncodedQuestion], device: torch.device
) -> list[Answer]:
    """Answer questions.

    Args:
        network: the network.
        questions: the questions.
        device: where the network is.

    Returns:
        One answer a question.
    """
    found: dict[int, Answer] = {}
    lengths = [len(question.sentences) for question in questions]
    rows = by_length(lengths, np.arange(len(questions)), QUESTIONS_AT_ONCE)
    for batch, places in zip(Batches(questions, rows, list), rows, strict=True):
        found.update(zip(places.tolist(), _answer(network, batch, device), strict=True))
    return [found[place] for place in range(len(questions))]


@torch.inference_mode()
def _answer(
    network: AnsweringNetwork, questions: list[EncodedQuestion], device: torch.device
) -> Iterator[Answer]:
    logits, attention = network.answer(make_batch(questions).inputs.to(device))
    log_probs = logits.double().log_softmax(dim=-1).cpu().numpy()
    for row, question in enumerate(questions):
        shares = None
        if attention is not None:
            shares = attention[:, : len(question.sentences), row].cpu().numpy()
        yield Answer(log_probs[row], shares)


def summarise(
    answers: Sequence[Answer], targets: Int[np.ndarray, " questions"]
) -> AnsweringSummary:
    """Compare answers with the right ones.

    Args:
        answers: what the network says, at least to one question.
        targets: the numbers of the right answers; an unknown one is never found.

    Returns:
        The measures.
    """
    log_probs = np.stack([answer.log_probs for answer in answers])
    right = log_probs.argmax(axis=1) == targets
    known = targets != UNKNOWN_ANSWER
    losses = -log_probs[known, targets[known]]
    accuracy = float(right.mean())
    return AnsweringSummary(
        questions=len(targets),
        loss=float(losses.mean()) if known.any() else float("nan"),
        accuracy=accuracy,
        mean_error=1 - accuracy,
    )
