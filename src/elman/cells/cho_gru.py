"""Gated recurrent unit as first published (reset before the product)."""

from typing import NamedTuple

from jaxtyping import Float
from torch import Tensor, nn

from elman.cells.base import Cell
from elman.cells.gru import GRUState


class ChoGRUProjection(NamedTuple):
    """The input's part of the gates and of the candidate."""

    gates: Float[Tensor, "*time batch gates"]
    candidate: Float[Tensor, "*time batch hidden"]


class ChoGRUCell(Cell[GRUState]):
    r"""Gated recurrent unit whose reset gate acts before the recurrent product.

    $$ r, z = \sigma(W x_t + U h_{t-1} + b) $$
    $$ \tilde h = \tanh(W_h x_t + U_h (r \odot h_{t-1}) + b_h) $$
    $$ h_t = z \odot h_{t-1} + (1 - z) \odot \tilde h $$

    Args:
        input_size: features of each input vector.
        hidden_size: units.

    Raises:
        ValueError: if a size is below 1.

    Reference:
        Cho et al. 2014, "Learning phrase representations using RNN encoder-decoder",
        equations 5 to 8. Differs: each gate and the candidate have a bias.
    """

    carries_hidden = True

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, output_size=hidden_size)
        self.input_map = nn.Linear(input_size, 3 * hidden_size)  # rows: r, z, candidate
        self.gate_map = nn.Linear(hidden_size, 2 * hidden_size, bias=False)  # rows: r, z
        self.candidate_map = nn.Linear(hidden_size, hidden_size, bias=False)

    def initial_state(self, batch_size: int) -> GRUState:
        """Return units at zero; see `Cell.initial_state`."""
        weight = self.candidate_map.weight
        return GRUState(hidden=weight.new_zeros(batch_size, self.output_size))

    def project(self, inputs: Float[Tensor, "*time batch input"]) -> ChoGRUProjection:
        """Return $W x_t + b$ for the gates and the candidate; see `Cell.project`."""
        sizes = [2 * self.output_size, self.output_size]
        return ChoGRUProjection(*self.input_map(inputs).split(sizes, dim=-1))

    def step(
        self, projected: ChoGRUProjection, state: GRUState
    ) -> tuple[Float[Tensor, "batch hidden"], GRUState]:
        """Advance one time step; see `Cell.step`."""
        gates = (projected.gates + self.gate_map(state.hidden)).sigmoid()
        r, z = gates.chunk(2, dim=-1)
        candidate = (projected.candidate + self.candidate_map(r * state.hidden)).tanh()
        hidden = z * state.hidden + (1 - z) * candidate
        return hidden, GRUState(hidden)
