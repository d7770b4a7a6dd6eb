"""Filling gaps: a missing word found from both sides of it."""

from elman.tasks.filling.batches import FillingBatch, SentenceInputs, Sentences, join_sentences
from elman.tasks.filling.config import FillingConfig
from elman.tasks.filling.data import FillingData
from elman.tasks.filling.model import FillingModel
from elman.tasks.filling.task import FillingTask

__all__ = [
    "FillingBatch",
    "FillingConfig",
    "FillingData",
    "FillingModel",
    "FillingTask",
    "SentenceInputs",
    "Sentences",
    "join_sentences",
]
