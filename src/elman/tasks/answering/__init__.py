"""Questions about stories: a recurrent network, with attention over sentences or without."""

from elman.tasks.answering.answers import AnsweringSummary
from elman.tasks.answering.batches import AnswerBatch, Asked, EncodedQuestion, make_batch
from elman.tasks.answering.config import AnsweringConfig
from elman.tasks.answering.data import AnsweringData
from elman.tasks.answering.network import AnsweringNetwork
from elman.tasks.answering.task import AnsweringTask
from elman.tasks.answering.vocabulary import Vocabulary

__all__ = [
    "AnswerBatch",
    "AnsweringConfig",
    "AnsweringData",
    "AnsweringNetwork",
    "AnsweringSummary",
    "AnsweringTask",
    "Asked",
    "EncodedQuestion",
    "Vocabulary",
    "make_batch",
]
