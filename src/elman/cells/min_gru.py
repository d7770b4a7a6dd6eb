"""The minimal GRU, whose gate sees the input alone."""

from jaxtyping import Float
from torch import Tensor, nn

from elman.cells.base import LinearCell
from elman.cells.gru import GRUState


class MinGRUCell(LinearCell[GRUState]):
    r"""Gated recurrent unit whose gate and candidate are free of the state (minGRU).

    $$ z = \sigma(W_z x_t + b_z), \quad \tilde h = W_h x_t + b_h $$
    $$ h_t = (1 - z) \odot h_{t-1} + z \odot \tilde h $$

    Args:
        input_size: features of each input vector.
        hidden_size: units.

    Raises:
        ValueError: if a size is below 1.

    Reference:
        Feng et al. 2024, "Were RNNs all we needed?", section 3.1.
    """

    carries_hidden = True

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, output_size=hidden_size)
        self.input_map = nn.Linear(input_size, 2 * hidden_size)  # rows: z, candidate

    def initial_state(self, batch_size: int) -> GRUState:
        """Return units at zero; see `Cell.initial_state`."""
        return GRUState(hidden=self.input_map.weight.new_zeros(batch_size, self.output_size))

    def project(
        self, inputs: Float[Tensor, "*time batch input"]
    ) -> Float[Tensor, "*time batch gates"]:
        """Return $W x_t + b$ for the gate and the candidate; see `Cell.project`."""
        return self.input_map(inputs)

    def coefficients(
        self, projected: Float[Tensor, "*time batch gates"]
    ) -> tuple[Float[Tensor, "*time batch hidden"], Float[Tensor, "*time batch hidden"]]:
        r"""Return $1 - z$ and $z \odot \tilde h$; see `LinearCell.coefficients`."""
        z, candidate = projected.chunk(2, dim=-1)
        z = z.sigmoid()
        return 1 - z, z * candidate

    def step(
        self, projected: Float[Tensor, "batch gates"], state: GRUState
    ) -> tuple[Float[Tensor, "batch hidden"], GRUState]:
        """Advance one time step; see `Cell.step`."""
        a, b = self.coefficients(projected)
        hidden = a * state.hidden + b
        return hidden, GRUState(hidden)
