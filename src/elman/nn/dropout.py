"""Dropout on the inputs of a cell."""

from typing import Any

import torch.nn.functional as F
from torch import Tensor

from elman.cells import Cell, OuterCell


class Dropout(OuterCell):
    """A cell whose inputs are dropped in training, with a fresh mask at each time step.

    Inputs that are kept are scaled by 1 / (1 - rate). Nothing is dropped in evaluation.

    Args:
        cell: any cell.
        rate: probability of dropping an input, in [0, 1).

    Raises:
        ValueError: if the rate lies outside [0, 1).

    Reference:
        Zaremba, Sutskever & Vinyals 2014, "Recurrent neural network regularization",
        equations 1 to 6: dropout on the connections that are not recurrent.
    """

    def __init__(self, cell: Cell[Any], rate: float) -> None:
        super().__init__(cell)
        if not 0.0 <= rate < 1.0:
            raise ValueError(f"Dropout: rate must lie in [0, 1), got {rate}.")
        self.rate = rate

    def enter(self, inputs: Tensor) -> Tensor:
        """Drop inputs in training; see `OuterCell.enter`."""
        return F.dropout(inputs, self.rate, self.training)

    def leave(self, outputs: Tensor, inputs: Tensor) -> Tensor:
        """Return the outputs as they are; see `OuterCell.leave`."""
        return outputs
