"""Quality as numbers, from plain totals and arrays; nothing here knows a network."""

from elman.metrics.bootstrap import Interval, SystemComparison, paired_bootstrap
from elman.metrics.classification import ClassificationSummary, classification_summary
from elman.metrics.filling import FillingSummary, filling_summary
from elman.metrics.language import LanguageModelSummary, language_model_summary, perplexity
from elman.metrics.position import mean_loss_by_position
from elman.metrics.sentiment import SentimentSummary, sentiment_summary
from elman.metrics.similarity import SimilaritySummary, cosines, nearest, spearman
from elman.metrics.tagging import TaggingSummary, tagging_summary
from elman.metrics.translation import (
    Pronunciation,
    PronunciationSummary,
    TranslationSummary,
    edit_distance,
    pronunciation_summary,
    require_translation_measures,
    translation_summary,
)

__all__ = [
    "ClassificationSummary",
    "FillingSummary",
    "Interval",
    "LanguageModelSummary",
    "Pronunciation",
    "PronunciationSummary",
    "SentimentSummary",
    "SimilaritySummary",
    "SystemComparison",
    "TaggingSummary",
    "TranslationSummary",
    "classification_summary",
    "cosines",
    "edit_distance",
    "filling_summary",
    "language_model_summary",
    "mean_loss_by_position",
    "nearest",
    "paired_bootstrap",
    "perplexity",
    "pronunciation_summary",
    "require_translation_measures",
    "sentiment_summary",
    "spearman",
    "tagging_summary",
    "translation_summary",
]
