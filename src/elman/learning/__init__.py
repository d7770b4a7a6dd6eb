"""Learning rules behind one interface, optimisers and schedules."""

from elman.learning.bptt import BPTT
from elman.learning.learner import (
    ErrorModel,
    GradientLearner,
    Learner,
    ReadoutModel,
    SequenceModel,
    Update,
)
from elman.learning.optimizers import OptimizerName, build_optimizer
from elman.learning.schedules import (
    Constant,
    Cosine,
    Plateau,
    Schedule,
    ScheduleName,
    Stepwise,
)
from elman.learning.truncated_bptt import TruncatedBPTT, Window

__all__ = [
    "BPTT",
    "Constant",
    "Cosine",
    "ErrorModel",
    "GradientLearner",
    "Learner",
    "OptimizerName",
    "Plateau",
    "ReadoutModel",
    "Schedule",
    "ScheduleName",
    "SequenceModel",
    "Stepwise",
    "TruncatedBPTT",
    "Update",
    "Window",
    "build_optimizer",
]
