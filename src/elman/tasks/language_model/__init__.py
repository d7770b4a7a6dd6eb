"""The language model: recurrent, feed-forward, Transformer or n-gram, behind one task."""

from elman.tasks.language_model.config import LanguageModelConfig
from elman.tasks.language_model.data import LanguageModelData
from elman.tasks.language_model.model import LanguageModel, NeuralLanguageModel
from elman.tasks.language_model.scoring import stream_log_probs
from elman.tasks.language_model.task import LanguageModelTask

__all__ = [
    "LanguageModel",
    "LanguageModelConfig",
    "LanguageModelData",
    "LanguageModelTask",
    "NeuralLanguageModel",
    "stream_log_probs",
]
