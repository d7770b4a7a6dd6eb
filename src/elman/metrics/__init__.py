"""Quality as numbers, from plain totals and arrays; nothing here knows a network."""

from elman.metrics.bootstrap import Interval, SystemComparison, paired_bootstrap
from elman.metrics.language import LanguageModelSummary, language_model_summary, perplexity
from elman.metrics.position import mean_loss_by_position
from elman.metrics.sentiment import SentimentSummary, sentiment_summary
from elman.metrics.tagging import TaggingSummary, tagging_summary

__all__ = [
    "Interval",
    "LanguageModelSummary",
    "SentimentSummary",
    "SystemComparison",
    "TaggingSummary",
    "language_model_summary",
    "mean_loss_by_position",
    "paired_bootstrap",
    "perplexity",
    "sentiment_summary",
    "tagging_summary",
]
