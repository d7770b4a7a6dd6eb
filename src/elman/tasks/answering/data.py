"""What an answering network learns from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
import torch

from elman.tasks.answering.answers import answer_questions, summarise
from elman.tasks.answering.batches import AnswerBatch, EncodedQuestion, make_batch
from elman.tasks.answering.network import AnsweringNetwork
from elman.tasks.batches import Batches, shuffled_by_length
from elman.tasks.task import Validation


@dataclass(frozen=True)
class AnsweringData:
    """Questions to learn from, and questions to measure on.

    Args:
        train: the questions to learn from.
        valid: those to measure on, by the name of the file they are from.
        batch_size: questions of a batch.
        seed: of their order, a new one each epoch.
    """

    train: Sequence[EncodedQuestion]
    valid: Mapping[str, Sequence[EncodedQuestion]]
    batch_size: int
    seed: int

    def batches(self, epoch: int) -> Sequence[AnswerBatch]:
        """Return the batches of an epoch; see `TrainingData.batches`."""
        draw = np.random.default_rng((self.seed, epoch))
        lengths = [len(question.sentences) for question in self.train]
        return Batches(self.train, shuffled_by_length(lengths, self.batch_size, draw), make_batch)

    def measures(self, loss: float) -> Mapping[str, float]:
        """Return nothing: a loss of answers says no more; see `TrainingData.measures`."""
        return {}

    def validate(self, model: AnsweringNetwork, device: torch.device) -> Validation:
        """Return loss and errors on the held-out questions; see `TrainingData.validate`.

        Each file counts the same in `mean_error`, and the weights kept are those with the least.
        """
        answers = answer_questions(model, list(chain.from_iterable(self.valid.values())), device)
        targets = [np.array([q.answer for q in questions]) for questions in self.valid.values()]
        overall = summarise(answers, np.concatenate(targets))
        errors, given = {}, iter(answers)
        for name, own in zip(self.valid, targets, strict=True):
            errors[f"error_{name}"] = summarise([next(given) for _ in own], own)["mean_error"]
        mean = sum(errors.values()) / len(errors)
        measures = {"accuracy": overall["accuracy"], "mean_error": mean}
        return Validation(overall["loss"], measures | (errors if len(errors) > 1 else {}), mean)
