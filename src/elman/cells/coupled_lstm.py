"""Long short-term memory whose input and forget gates are one."""

from jaxtyping import Float
from torch import Tensor, nn

from elman.cells.base import Cell
from elman.cells.lstm import LSTMState


class CoupledLSTMCell(Cell[LSTMState]):
    r"""Long short-term memory that forgets just as much as it takes in (CIFG).

    $$ i, o = \sigma(W x_t + U h_{t-1} + b), \quad g = \tanh(W_g x_t + U_g h_{t-1} + b_g) $$
    $$ c_t = (1 - i) \odot c_{t-1} + i \odot g, \quad h_t = o \odot \tanh c_t $$

    Args:
        input_size: features of each input vector.
        hidden_size: units; `hidden` and `cell` both have this width.
        forget_bias: where the bias of the forget gates $1 - i$ starts; that of $i$ is its
            negative.

    Raises:
        ValueError: if a size is below 1.

    Reference:
        Greff et al. 2017, "LSTM: a search space odyssey", variant CIFG.
        Differs: no peepholes; the forget bias starts at 1 (Jozefowicz, Zaremba & Sutskever 2015).
    """

    def __init__(self, input_size: int, hidden_size: int, *, forget_bias: float = 1.0) -> None:
        super().__init__(input_size, output_size=hidden_size)
        self.input_map = nn.Linear(input_size, 3 * hidden_size)  # rows: i, g, o
        self.recurrent_map = nn.Linear(hidden_size, 3 * hidden_size, bias=False)
        nn.init.constant_(self.input_map.bias[:hidden_size], -forget_bias)

    def initial_state(self, batch_size: int) -> LSTMState:
        """Return units and memory cells at zero; see `Cell.initial_state`."""
        zeros = self.recurrent_map.weight.new_zeros(batch_size, self.output_size)
        return LSTMState(hidden=zeros, cell=zeros)

    def project(
        self, inputs: Float[Tensor, "*time batch input"]
    ) -> Float[Tensor, "*time batch gates"]:
        """Return $W x_t + b$ for both gates and the cell input; see `Cell.project`."""
        return self.input_map(inputs)

    def step(
        self, projected: Float[Tensor, "batch gates"], state: LSTMState
    ) -> tuple[Float[Tensor, "batch hidden"], LSTMState]:
        """Advance one time step; see `Cell.step`."""
        i, g, o = (projected + self.recurrent_map(state.hidden)).chunk(3, dim=-1)
        i = i.sigmoid()
        cell = (1 - i) * state.cell + i * g.tanh()
        hidden = o.sigmoid() * cell.tanh()
        return hidden, LSTMState(hidden, cell)
