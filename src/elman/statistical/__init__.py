"""Count-based models: language models that are counted rather than trained by gradients."""

from elman.statistical.kneser_ney import KneserNey

__all__ = ["KneserNey"]
