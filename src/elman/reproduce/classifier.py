"""Recurrent stacks that choose a class or a symbol at every time step."""

from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor

from elman.cells import Cell
from elman.nn import RNN, ReadoutNetwork
from elman.nn.rnn import RNNState

NO_TARGET = -100
"""A target that is none: its step costs nothing."""


class SequenceClassifier(ReadoutNetwork):
    r"""A recurrent stack with a softmax over classes, at every time step.

    $$ p(k \mid x_1, \dots, x_t) = \mathrm{softmax}(V h_t + c)_k $$

    It is made as a `ReadoutNetwork` with an output for each class.
    """

    def criterion(
        self,
        features: Float[Tensor, "time batch output"],
        targets: Int[Tensor, "time batch"],
        lengths: Int[Tensor, " batch"] | None = None,
    ) -> Float[Tensor, ""]:
        """Return the mean cross-entropy a target, in nats.

        Args:
            features: the logits.
            targets: the right classes; `NO_TARGET` where there is none.
            lengths: not needed, as steps beyond a row's end have no target.

        Returns:
            The mean over all targets; NaN where there is none.
        """
        return F.cross_entropy(features.flatten(0, 1), targets.flatten(), ignore_index=NO_TARGET)


class SymbolPredictor(SequenceClassifier):
    """A cell that reads symbols, each as a one among zeros, and predicts the next.

    Args:
        cell: has an input for every symbol.
    """

    def __init__(self, cell: Cell[Any]) -> None:
        super().__init__(RNN(cell), cell.input_size)

    def forward(
        self, inputs: Int[Tensor, "time batch"], state: Any
    ) -> tuple[Float[Tensor, "time batch symbols"], RNNState]:
        """Run over a sequence.

        Args:
            inputs: symbols, from 0 to one less than there are.
            state: the state before the first step.

        Returns:
            Logits and the final state.
        """
        symbols = torch.arange(self.rnn.input_size)
        vectors = (inputs.unsqueeze(-1) == symbols).to(self.readout.weight)
        return super().forward(vectors, state)


def knows_successors(
    model: SymbolPredictor,
    inputs: Int[Tensor, "time batch"],
    allowed: Bool[Tensor, "time batch symbols"],
) -> Bool[Tensor, " batch"]:
    """Tell for which strings every prediction is right.

    A prediction is right if each symbol that may come next is more probable than each that may
    not.

    Args:
        model: the model.
        inputs: the strings.
        allowed: which symbols may come after each; none after the end of a string.

    Returns:
        One answer a string.
    """
    with torch.no_grad():
        logits, _ = model(inputs, model.initial_state(inputs.shape[1]))
    worst_allowed = logits.masked_fill(~allowed, torch.inf).amin(-1)
    best_other = logits.masked_fill(allowed, -torch.inf).amax(-1)
    return ((worst_allowed > best_other) | ~allowed.any(-1)).all(0)
