"""The features of the log-linear model, and their weights before tuning."""

import numpy as np
from jaxtyping import Float

from elman.statistical.phrase_based.phrase_table import TABLE_FEATURES

FEATURES = (*TABLE_FEATURES, "phrases", "words", "distortion", "language_model")
"""What a translation is scored by, in the order of the weights."""

PHRASES, WORDS, DISTORTION, LANGUAGE_MODEL = range(len(TABLE_FEATURES), len(FEATURES))
FIRST_ORIENTATION = TABLE_FEATURES.index("monotone")

START_WEIGHTS: Float[np.ndarray, " features"] = np.array(
    [0.2, 0.2, 0.2, 0.2, 0.2, 0.2, 0.2, 0.0, 0.5, 0.1, 0.5]
)
"""Weights that give sensible translations of most corpora."""

LOWEST_WEIGHTS: Float[np.ndarray, " features"] = np.zeros(len(FEATURES))
"""What tuning may not go below: more of a log-probability never speaks against a translation."""
LOWEST_WEIGHTS[[PHRASES, WORDS]] = -np.inf
