"""Phrase-based statistical translation: word alignment, phrase table, decoder, tuning."""

from elman.statistical.phrase_based.language import Language
from elman.statistical.phrase_based.model import Phrase, PhraseModel, Rendering
from elman.statistical.phrase_based.training import WordPair, align_pairs, count_model
from elman.statistical.phrase_based.tuning import tune_weights

__all__ = [
    "Language",
    "Phrase",
    "PhraseModel",
    "Rendering",
    "WordPair",
    "align_pairs",
    "count_model",
    "tune_weights",
]
