"""Tags of words: named entities, parts of speech."""

from elman.tasks.tagging.config import TaggingConfig
from elman.tasks.tagging.data import TaggingData
from elman.tasks.tagging.network import TaggingNetwork
from elman.tasks.tagging.task import TaggingTask
from elman.tasks.tagging.vocabulary import Vocabulary

__all__ = ["TaggingConfig", "TaggingData", "TaggingNetwork", "TaggingTask", "Vocabulary"]
