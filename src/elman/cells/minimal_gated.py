"""The minimal gated unit: one gate for memory and candidate."""

from typing import NamedTuple

from jaxtyping import Float
from torch import Tensor, nn

from elman.cells.base import Cell
from elman.cells.gru import GRUState


class MinimalGatedProjection(NamedTuple):
    """The input's part of the gate and of the candidate."""

    gate: Float[Tensor, "*time batch hidden"]
    candidate: Float[Tensor, "*time batch hidden"]


class MinimalGatedCell(Cell[GRUState]):
    r"""Gated unit whose forget gate also bounds what the candidate reads.

    $$ f = \sigma(W_f x_t + U_f h_{t-1} + b_f) $$
    $$ \tilde h = \tanh(W_h x_t + U_h (f \odot h_{t-1}) + b_h) $$
    $$ h_t = (1 - f) \odot h_{t-1} + f \odot \tilde h $$

    Args:
        input_size: features of each input vector.
        hidden_size: units.

    Raises:
        ValueError: if a size is below 1.

    Reference:
        Zhou et al. 2016, "Minimal gated unit for recurrent neural networks",
        equations 4 to 6.
    """

    carries_hidden = True

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, output_size=hidden_size)
        self.input_map = nn.Linear(input_size, 2 * hidden_size)  # rows: f, candidate
        self.gate_map = nn.Linear(hidden_size, hidden_size, bias=False)
        self.candidate_map = nn.Linear(hidden_size, hidden_size, bias=False)

    def initial_state(self, batch_size: int) -> GRUState:
        """Return units at zero; see `Cell.initial_state`."""
        return GRUState(hidden=self.gate_map.weight.new_zeros(batch_size, self.output_size))

    def project(self, inputs: Float[Tensor, "*time batch input"]) -> MinimalGatedProjection:
        """Return $W x_t + b$ for the gate and the candidate; see `Cell.project`."""
        return MinimalGatedProjection(*self.input_map(inputs).chunk(2, dim=-1))

    def step(
        self, projected: MinimalGatedProjection, state: GRUState
    ) -> tuple[Float[Tensor, "batch hidden"], GRUState]:
        """Advance one time step; see `Cell.step`."""
        f = (projected.gate + self.gate_map(state.hidden)).sigmoid()
        candidate = (projected.candidate + self.candidate_map(f * state.hidden)).tanh()
        hidden = (1 - f) * state.hidden + f * candidate
        return hidden, GRUState(hidden)
