"""Classes of texts and of sequences of numbers."""

from elman.tasks.classification.batches import ClassifierBatch, ClassifierInputs, EncodedItem
from elman.tasks.classification.config import ClassificationConfig
from elman.tasks.classification.data import ClassificationData
from elman.tasks.classification.network import Classifier
from elman.tasks.classification.task import ClassificationTask
from elman.tasks.classification.vocabulary import Vocabulary

__all__ = [
    "ClassificationConfig",
    "ClassificationData",
    "ClassificationTask",
    "Classifier",
    "ClassifierBatch",
    "ClassifierInputs",
    "EncodedItem",
    "Vocabulary",
]
