"""Long short-term memory."""

from typing import NamedTuple

from jaxtyping import Float
from torch import Tensor, nn

from elman.cells.base import Cell


class LSTMState(NamedTuple):
    """The output of the previous step and the memory cells."""

    hidden: Float[Tensor, "batch hidden"]
    cell: Float[Tensor, "batch hidden"]


class LSTMCell(Cell[LSTMState]):
    r"""Long short-term memory with forget gates.

    $$ i, f, o = \sigma(W x_t + U h_{t-1} + b), \quad g = \tanh(W_g x_t + U_g h_{t-1} + b_g) $$
    $$ c_t = f \odot c_{t-1} + i \odot g, \quad h_t = o \odot \tanh c_t $$

    Args:
        input_size: features of each input vector.
        hidden_size: units; `hidden` and `cell` both have this width.
        forget_bias: where the forget gates' bias starts.

    Raises:
        ValueError: if a size is below 1.

    Reference:
        Gers, Schmidhuber & Cummins 2000, "Learning to forget", equations 1 to 8.
        Differs: tanh for both squashing functions; the forget bias starts at 1
        (Jozefowicz, Zaremba & Sutskever 2015).
    """

    def __init__(self, input_size: int, hidden_size: int, *, forget_bias: float = 1.0) -> None:
        super().__init__(input_size, output_size=hidden_size)
        self.input_map = nn.Linear(input_size, 4 * hidden_size)  # rows: i, f, g, o
        self.recurrent_map = nn.Linear(hidden_size, 4 * hidden_size, bias=False)
        nn.init.constant_(self.input_map.bias[hidden_size : 2 * hidden_size], forget_bias)

    def initial_state(self, batch_size: int) -> LSTMState:
        """Return units and memory cells at zero; see `Cell.initial_state`."""
        zeros = self.recurrent_map.weight.new_zeros(batch_size, self.output_size)
        return LSTMState(hidden=zeros, cell=zeros)

    def project(
        self, inputs: Float[Tensor, "*time batch input"]
    ) -> Float[Tensor, "*time batch gates"]:
        """Return $W x_t + b$ for the four gates; see `Cell.project`."""
        return self.input_map(inputs)

    def step(
        self, projected: Float[Tensor, "batch gates"], state: LSTMState
    ) -> tuple[Float[Tensor, "batch hidden"], LSTMState]:
        """Advance one time step; see `Cell.step`."""
        i, f, g, o = (projected + self.recurrent_map(state.hidden)).chunk(4, dim=-1)
        cell = f.sigmoid() * state.cell + i.sigmoid() * g.tanh()
        hidden = o.sigmoid() * cell.tanh()
        return hidden, LSTMState(hidden, cell)
