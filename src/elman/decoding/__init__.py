"""Searches over an abstract step function: sampling and beam search. Nothing here knows a model."""

from elman.decoding.beam import Hypothesis, beam_search
from elman.decoding.sampling import Sampler, sample
from elman.decoding.step import StepFunction

__all__ = ["Hypothesis", "Sampler", "StepFunction", "beam_search", "sample"]
