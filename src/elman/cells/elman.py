"""The simple recurrent network of Elman."""

from typing import Literal, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from elman.cells.base import Cell

Nonlinearity = Literal["tanh", "relu"]


class ElmanState(NamedTuple):
    """The context units: a copy of the hidden units of the previous step."""

    hidden: Float[Tensor, "batch hidden"]


class ElmanCell(Cell[ElmanState]):
    r"""Simple recurrent network: the hidden units see the input and their own previous values.

    $$ h_t = \phi(W x_t + U h_{t-1} + b) $$

    Args:
        input_size: features of each input vector.
        hidden_size: hidden units, as many as context units.
        nonlinearity: the squashing function $\phi$, `tanh` or `relu`.

    Raises:
        ValueError: if a size is below 1 or the nonlinearity is unknown.

    Reference:
        Elman 1990, "Finding structure in time", figure 2.
        Differs: tanh (or ReLU) where the paper squashes with the logistic function.
    """

    def __init__(
        self, input_size: int, hidden_size: int, *, nonlinearity: Nonlinearity = "tanh"
    ) -> None:
        super().__init__(input_size, output_size=hidden_size)
        if nonlinearity not in ("tanh", "relu"):
            raise ValueError(f"ElmanCell: nonlinearity must be tanh or relu, got {nonlinearity!r}.")
        self.nonlinearity = nonlinearity
        self.input_map = nn.Linear(input_size, hidden_size)
        self.recurrent_map = nn.Linear(hidden_size, hidden_size, bias=False)

    def initial_state(self, batch_size: int) -> ElmanState:
        """Return context units at zero; see `Cell.initial_state`."""
        weight = self.recurrent_map.weight
        return ElmanState(hidden=weight.new_zeros(batch_size, self.output_size))

    def project(
        self, inputs: Float[Tensor, "*time batch input"]
    ) -> Float[Tensor, "*time batch hidden"]:
        """Return $W x_t + b$; see `Cell.project`."""
        return self.input_map(inputs)

    def step(
        self, projected: Float[Tensor, "batch hidden"], state: ElmanState
    ) -> tuple[Float[Tensor, "batch hidden"], ElmanState]:
        """Advance one time step; see `Cell.step`."""
        phi = torch.tanh if self.nonlinearity == "tanh" else torch.relu
        hidden = phi(projected + self.recurrent_map(state.hidden))
        return hidden, ElmanState(hidden)
