"""Translation: from one sequence to another, of sentences or of letters to sounds."""

from elman.tasks.translation.config import TranslationConfig
from elman.tasks.translation.network import TranslationNetwork
from elman.tasks.translation.reading import Pair
from elman.tasks.translation.task import TranslationTask

__all__ = ["Pair", "TranslationConfig", "TranslationNetwork", "TranslationTask"]
