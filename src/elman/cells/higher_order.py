"""The higher-order recurrent network, which sees several of its previous states."""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from elman.cells.base import Cell


class HigherOrderState(NamedTuple):
    """The units of the previous step, and those of the steps before it, the latest first."""

    hidden: Float[Tensor, "batch hidden"]
    past: Float[Tensor, "batch past"]


class HigherOrderCell(Cell[HigherOrderState]):
    r"""Simple recurrent network that sees its hidden units of several previous steps.

    $$ h_t = \tanh\left(W x_t + \sum_{k=1}^K U_k h_{t-k} + b\right) $$

    Args:
        input_size: features of each input vector.
        hidden_size: hidden units.
        order: the number $K$ of previous steps seen, at least 2 (`ElmanCell` sees one).

    Raises:
        ValueError: if a size is below 1 or the order below 2.

    Reference:
        Soltani & Jiang 2016, "Higher order recurrent neural networks", the network
        without pooling.
    """

    def __init__(self, input_size: int, hidden_size: int, *, order: int = 3) -> None:
        super().__init__(input_size, output_size=hidden_size)
        if order < 2:
            raise ValueError(
                f"HigherOrderCell: order must be at least 2, got {order}; ElmanCell is that of 1."
            )
        self.order = order
        self.input_map = nn.Linear(input_size, hidden_size)
        # Columns: h_{t-1}, h_{t-2}, ..., h_{t-K}.
        self.recurrent_map = nn.Linear(order * hidden_size, hidden_size, bias=False)

    def initial_state(self, batch_size: int) -> HigherOrderState:
        """Return all previous units at zero; see `Cell.initial_state`."""
        weight, past = self.recurrent_map.weight, (self.order - 1) * self.output_size
        return HigherOrderState(
            hidden=weight.new_zeros(batch_size, self.output_size),
            past=weight.new_zeros(batch_size, past),
        )

    def project(
        self, inputs: Float[Tensor, "*time batch input"]
    ) -> Float[Tensor, "*time batch hidden"]:
        """Return $W x_t + b$; see `Cell.project`."""
        return self.input_map(inputs)

    def step(
        self, projected: Float[Tensor, "batch hidden"], state: HigherOrderState
    ) -> tuple[Float[Tensor, "batch hidden"], HigherOrderState]:
        """Advance one time step; see `Cell.step`."""
        seen = torch.cat(state, dim=-1)
        hidden = (projected + self.recurrent_map(seen)).tanh()
        return hidden, HigherOrderState(hidden, past=seen[:, : -self.output_size])
