"""Searches over an abstract step function: sampling and beam search. Nothing here knows a model."""

from elman.decoding.beam import Hypothesis, beam_search
from elman.decoding.ranking import Coverage, Divisor, PowerDivisor, WuDivisor
from elman.decoding.sampling import Sampler, sample
from elman.decoding.step import StepFunction

__all__ = [
    "Coverage",
    "Divisor",
    "Hypothesis",
    "PowerDivisor",
    "Sampler",
    "StepFunction",
    "WuDivisor",
    "beam_search",
    "sample",
]
