"""Learning rules behind one interface, optimisers and schedules."""

from elman.learning.bptt import BPTT
from elman.learning.kalman.annealing import Annealing
from elman.learning.kalman.ekf import ExtendedKalmanFilter
from elman.learning.kalman.error_jacobian import BackwardDerivatives, ErrorDerivatives
from elman.learning.kalman.forward_derivatives import ForwardDerivatives
from elman.learning.kalman.weight_groups import WeightGroups, node_groups, one_group
from elman.learning.learner import (
    ErrorModel,
    GradientLearner,
    Learner,
    ReadoutModel,
    SequenceModel,
    Update,
)
from elman.learning.online.rtrl import RTRL
from elman.learning.online.snap import SnAp
from elman.learning.online.uoro import UORO
from elman.learning.optimizers import OptimizerName, build_optimizer
from elman.learning.readouts.force import FORCE
from elman.learning.readouts.ridge import Ridge
from elman.learning.readouts.rls import RecursiveLeastSquares
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
