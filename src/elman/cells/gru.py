"""Gated recurrent unit, the form of the vendor kernels (reset after the product)."""

from typing import NamedTuple

from jaxtyping import Float
from torch import Tensor, nn

from elman.cells.base import Cell


class GRUState(NamedTuple):
    """The units, which carry the memory and are the output."""

    hidden: Float[Tensor, "batch hidden"]


class GRUCell(Cell[GRUState]):
    r"""Gated recurrent unit whose reset gate acts after the recurrent product.

    $$ r, z = \sigma(W x_t + b + U h_{t-1} + b') $$
    $$ n = \tanh(W_n x_t + b_n + r \odot (U_n h_{t-1} + b'_n)) $$
    $$ h_t = (1 - z) \odot n + z \odot h_{t-1} $$

    Weights exchange with `torch.nn.GRU`. `ChoGRUCell` is the original form.

    Args:
        input_size: features of each input vector.
        hidden_size: units.

    Raises:
        ValueError: if a size is below 1.

    Reference:
        Cho et al. 2014, "Learning phrase representations using RNN encoder-decoder",
        equations 5 to 8. Differs: the reset gate multiplies the recurrent product instead of
        the units before it, and both products have a bias (the form of cuDNN and PyTorch).
    """

    carries_hidden = True

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, output_size=hidden_size)
        self.input_map = nn.Linear(input_size, 3 * hidden_size)  # rows: r, z, n
        self.recurrent_map = nn.Linear(hidden_size, 3 * hidden_size)

    def initial_state(self, batch_size: int) -> GRUState:
        """Return units at zero; see `Cell.initial_state`."""
        weight = self.recurrent_map.weight
        return GRUState(hidden=weight.new_zeros(batch_size, self.output_size))

    def project(
        self, inputs: Float[Tensor, "*time batch input"]
    ) -> Float[Tensor, "*time batch gates"]:
        """Return $W x_t + b$ for r, z and n; see `Cell.project`."""
        return self.input_map(inputs)

    def step(
        self, projected: Float[Tensor, "batch gates"], state: GRUState
    ) -> tuple[Float[Tensor, "batch hidden"], GRUState]:
        """Advance one time step; see `Cell.step`."""
        input_r, input_z, input_n = projected.chunk(3, dim=-1)
        hidden_r, hidden_z, hidden_n = self.recurrent_map(state.hidden).chunk(3, dim=-1)
        r = (input_r + hidden_r).sigmoid()
        z = (input_z + hidden_z).sigmoid()
        n = (input_n + r * hidden_n).tanh()
        hidden = (1 - z) * n + z * state.hidden
        return hidden, GRUState(hidden)
