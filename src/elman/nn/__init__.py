"""Networks made of cells: stacks, wrappers and output layers."""

from elman.nn.adaptive_softmax import AdaptiveSoftmax
from elman.nn.attention import AdditiveAttention, Attended, MultiplicativeAttention
from elman.nn.dropout import Dropout
from elman.nn.layer_norm import LayerNorm
from elman.nn.pooling import (
    AttentionPooling,
    LastPooling,
    MaxPooling,
    MeanPooling,
    Pooled,
    last_outputs,
)
from elman.nn.readout_network import ReadoutNetwork
from elman.nn.regressor import SequenceRegressor
from elman.nn.residual import Residual
from elman.nn.rnn import RNN, RNNState
from elman.nn.softmax import FullSoftmax
from elman.nn.stream import Stream
from elman.nn.trees import Trees, arrange_trees
from elman.nn.unroll_trees import unroll_trees
from elman.nn.variational_dropout import HiddenDropout, VariationalDropout
from elman.nn.zoneout import Zoneout

__all__ = [
    "RNN",
    "AdaptiveSoftmax",
    "AdditiveAttention",
    "Attended",
    "AttentionPooling",
    "Dropout",
    "FullSoftmax",
    "HiddenDropout",
    "LastPooling",
    "LayerNorm",
    "MaxPooling",
    "MeanPooling",
    "MultiplicativeAttention",
    "Pooled",
    "RNNState",
    "ReadoutNetwork",
    "Residual",
    "SequenceRegressor",
    "Stream",
    "Trees",
    "VariationalDropout",
    "Zoneout",
    "arrange_trees",
    "last_outputs",
    "unroll_trees",
]
