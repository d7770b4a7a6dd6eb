"""Networks made of cells: stacks, wrappers and output layers."""

from elman.nn.rnn import RNN, RNNState

__all__ = ["RNN", "RNNState"]
