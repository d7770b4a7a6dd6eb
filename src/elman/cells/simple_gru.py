"""Gated recurrent unit with the update gate alone, the form used in teaching."""

from jaxtyping import Float
from torch import Tensor, nn

from elman.cells.base import Cell
from elman.cells.gru import GRUState


class SimpleGRUCell(Cell[GRUState]):
    r"""Gated recurrent unit with one gate, which chooses between memory and candidate.

    $$ \tilde c = \tanh(W_c x_t + U_c c_{t-1} + b_c) $$
    $$ \Gamma_u = \sigma(W_u x_t + U_u c_{t-1} + b_u) $$
    $$ c_t = \Gamma_u \odot \tilde c + (1 - \Gamma_u) \odot c_{t-1} $$

    Args:
        input_size: features of each input vector.
        hidden_size: units.

    Raises:
        ValueError: if a size is below 1.

    Reference:
        Ng 2018, "Sequence models", week 1, simplified gated recurrent unit; the equations of
        Cho et al. 2014 with the reset gate held at one.
    """

    carries_hidden = True

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, output_size=hidden_size)
        self.input_map = nn.Linear(input_size, 2 * hidden_size)  # rows: candidate, update
        self.recurrent_map = nn.Linear(hidden_size, 2 * hidden_size, bias=False)

    def initial_state(self, batch_size: int) -> GRUState:
        """Return units at zero; see `Cell.initial_state`."""
        weight = self.recurrent_map.weight
        return GRUState(hidden=weight.new_zeros(batch_size, self.output_size))

    def project(
        self, inputs: Float[Tensor, "*time batch input"]
    ) -> Float[Tensor, "*time batch gates"]:
        """Return $W x_t + b$ for candidate and gate; see `Cell.project`."""
        return self.input_map(inputs)

    def step(
        self, projected: Float[Tensor, "batch gates"], state: GRUState
    ) -> tuple[Float[Tensor, "batch hidden"], GRUState]:
        """Advance one time step; see `Cell.step`."""
        candidate, update = (projected + self.recurrent_map(state.hidden)).chunk(2, dim=-1)
        update = update.sigmoid()
        hidden = update * candidate.tanh() + (1 - update) * state.hidden
        return hidden, GRUState(hidden)
