"""The minimal LSTM, whose gates see the input alone."""

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from elman.cells.base import LinearCell
from elman.cells.gru import GRUState


class MinLSTMCell(LinearCell[GRUState]):
    r"""Long short-term memory whose gates and candidate are free of the state (minLSTM).

    $$ f = \sigma(W_f x_t + b_f), \quad i = \sigma(W_i x_t + b_i), \quad
       \tilde h = W_h x_t + b_h $$
    $$ h_t = \frac{f}{f + i} \odot h_{t-1} + \frac{i}{f + i} \odot \tilde h $$

    Args:
        input_size: features of each input vector.
        hidden_size: units.

    Raises:
        ValueError: if a size is below 1.

    Reference:
        Feng et al. 2024, "Were RNNs all we needed?", section 3.2.
    """

    carries_hidden = True

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, output_size=hidden_size)
        self.input_map = nn.Linear(input_size, 3 * hidden_size)  # rows: f, i, candidate

    def initial_state(self, batch_size: int) -> GRUState:
        """Return units at zero; see `Cell.initial_state`."""
        return GRUState(hidden=self.input_map.weight.new_zeros(batch_size, self.output_size))

    def project(
        self, inputs: Float[Tensor, "*time batch input"]
    ) -> Float[Tensor, "*time batch gates"]:
        """Return $W x_t + b$ for both gates and the candidate; see `Cell.project`."""
        return self.input_map(inputs)

    def coefficients(
        self, projected: Float[Tensor, "*time batch gates"]
    ) -> tuple[Float[Tensor, "*time batch hidden"], Float[Tensor, "*time batch hidden"]]:
        r"""Return $f / (f + i)$ and $i \odot \tilde h / (f + i)$; see `LinearCell.coefficients`."""
        f, i, candidate = projected.chunk(3, dim=-1)
        # f / (f + i) = sigmoid(log f - log i), which is right where both gates round to zero.
        balance = F.logsigmoid(f) - F.logsigmoid(i)
        return balance.sigmoid(), (-balance).sigmoid() * candidate

    def step(
        self, projected: Float[Tensor, "batch gates"], state: GRUState
    ) -> tuple[Float[Tensor, "batch hidden"], GRUState]:
        """Advance one time step; see `Cell.step`."""
        a, b = self.coefficients(projected)
        hidden = a * state.hidden + b
        return hidden, GRUState(hidden)
