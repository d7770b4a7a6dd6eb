"""Long short-term memory with layer normalisation inside the recurrence."""

from jaxtyping import Float
from torch import Tensor, nn

from elman.cells.base import Cell
from elman.cells.lstm import LSTMState


class LayerNormLSTMCell(Cell[LSTMState]):
    r"""Long short-term memory that normalises both of its products and the memory it shows.

    $$ (i, f, g, o) = \mathrm{LN}_x(W x_t) + \mathrm{LN}_h(U h_{t-1}) $$
    $$ c_t = \sigma(f) \odot c_{t-1} + \sigma(i) \odot \tanh g, \quad
       h_t = \sigma(o) \odot \tanh \mathrm{LN}_c(c_t) $$
    $$ \mathrm{LN}(a) = \alpha \odot \frac{a - \mu(a)}{\sqrt{\sigma^2(a) + \epsilon}} + \beta $$

    where mean and variance are those of the features of one row, over all four gates together in
    $\mathrm{LN}_x$ and $\mathrm{LN}_h$, and each normalisation has its own gains and biases.

    Args:
        input_size: features of each input vector.
        hidden_size: units; `hidden` and `cell` both have this width.
        forget_bias: where the forget gates' bias starts.

    Raises:
        ValueError: if a size is below 1.

    Reference:
        Ba, Kiros & Hinton 2016, "Layer normalization", supplementary material, the LSTM.
        Differs: the bias of the normalised input stands for the gates' bias as well, and is 1
        at the start for the forget gates (Jozefowicz, Zaremba & Sutskever 2015).
    """

    def __init__(self, input_size: int, hidden_size: int, *, forget_bias: float = 1.0) -> None:
        super().__init__(input_size, output_size=hidden_size)
        self.input_map = nn.Linear(input_size, 4 * hidden_size, bias=False)  # rows: i, f, g, o
        self.recurrent_map = nn.Linear(hidden_size, 4 * hidden_size, bias=False)
        self.input_norm = nn.LayerNorm(4 * hidden_size)
        self.recurrent_norm = nn.LayerNorm(4 * hidden_size)
        self.cell_norm = nn.LayerNorm(hidden_size)
        nn.init.constant_(self.input_norm.bias[hidden_size : 2 * hidden_size], forget_bias)

    def initial_state(self, batch_size: int) -> LSTMState:
        """Return units and memory cells at zero; see `Cell.initial_state`."""
        zeros = self.recurrent_map.weight.new_zeros(batch_size, self.output_size)
        return LSTMState(hidden=zeros, cell=zeros)

    def project(
        self, inputs: Float[Tensor, "*time batch input"]
    ) -> Float[Tensor, "*time batch gates"]:
        r"""Return $\mathrm{LN}_x(W x_t)$ for the four gates; see `Cell.project`."""
        return self.input_norm(self.input_map(inputs))

    def step(
        self, projected: Float[Tensor, "batch gates"], state: LSTMState
    ) -> tuple[Float[Tensor, "batch hidden"], LSTMState]:
        """Advance one time step; see `Cell.step`."""
        recurrent = self.recurrent_norm(self.recurrent_map(state.hidden))
        i, f, g, o = (projected + recurrent).chunk(4, dim=-1)
        cell = f.sigmoid() * state.cell + i.sigmoid() * g.tanh()
        hidden = o.sigmoid() * self.cell_norm(cell).tanh()
        return hidden, LSTMState(hidden, cell)
