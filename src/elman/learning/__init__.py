"""Learning rules behind one interface, optimisers and schedules."""

from elman.learning.annealing import Annealing
from elman.learning.bptt import BPTT
from elman.learning.ekf import ExtendedKalmanFilter
from elman.learning.error_jacobian import BackwardDerivatives, ErrorDerivatives
from elman.learning.force import FORCE
from elman.learning.forward_derivatives import ForwardDerivatives
from elman.learning.learner import (
    ErrorModel,
    GradientLearner,
    Learner,
    ReadoutModel,
    SequenceModel,
    Update,
)
from elman.learning.optimizers import OptimizerName, build_optimizer
from elman.learning.ridge import Ridge
from elman.learning.rls import RecursiveLeastSquares
from elman.learning.rtrl import RTRL
from elman.learning.schedules import (
    Constant,
    Cosine,
    Plateau,
    Schedule,
    ScheduleName,
    Stepwise,
)
from elman.learning.snap import SnAp
from elman.learning.truncated_bptt import TruncatedBPTT, Window
from elman.learning.uoro import UORO
from elman.learning.weight_groups import WeightGroups, node_groups, one_group

__all__ = [
    "BPTT",
    "FORCE",
    "RTRL",
    "UORO",
    "Annealing",
    "BackwardDerivatives",
    "Constant",
    "Cosine",
    "ErrorDerivatives",
    "ErrorModel",
    "ExtendedKalmanFilter",
    "ForwardDerivatives",
    "GradientLearner",
    "Learner",
    "OptimizerName",
    "Plateau",
    "ReadoutModel",
    "RecursiveLeastSquares",
    "Ridge",
    "Schedule",
    "ScheduleName",
    "SequenceModel",
    "SnAp",
    "Stepwise",
    "TruncatedBPTT",
    "Update",
    "WeightGroups",
    "Window",
    "build_optimizer",
    "node_groups",
    "one_group",
]
