"""Long short-term memory whose gates see the memory cells."""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn

from elman.cells.base import Cell
from elman.cells.lstm import LSTMState


class PeepholeLSTMCell(Cell[LSTMState]):
    r"""Long short-term memory with peephole connections from each memory cell to its own gates.

    $$ i, f = \sigma(W x_t + U h_{t-1} + p \odot c_{t-1} + b), \quad
       g = \tanh(W_g x_t + U_g h_{t-1} + b_g) $$
    $$ c_t = f \odot c_{t-1} + i \odot g $$
    $$ o = \sigma(W_o x_t + U_o h_{t-1} + p_o \odot c_t + b_o), \quad h_t = o \odot \tanh c_t $$

    Args:
        input_size: features of each input vector.
        hidden_size: units; `hidden` and `cell` both have this width.
        forget_bias: where the forget gates' bias starts.

    Raises:
        ValueError: if a size is below 1.

    Reference:
        Gers & Schmidhuber 2000, "Recurrent nets that time and count", the section on
        peephole connections.
        Differs: tanh for both squashing functions; the forget bias starts at 1
        (Jozefowicz, Zaremba & Sutskever 2015).
    """

    def __init__(self, input_size: int, hidden_size: int, *, forget_bias: float = 1.0) -> None:
        super().__init__(input_size, output_size=hidden_size)
        self.input_map = nn.Linear(input_size, 4 * hidden_size)  # rows: i, f, g, o
        self.recurrent_map = nn.Linear(hidden_size, 4 * hidden_size, bias=False)
        self.input_peephole = nn.Parameter(torch.empty(hidden_size))
        self.forget_peephole = nn.Parameter(torch.empty(hidden_size))
        self.output_peephole = nn.Parameter(torch.empty(hidden_size))
        bound = 1 / math.sqrt(hidden_size)  # as nn.Linear starts the recurrent weights
        for peephole in (self.input_peephole, self.forget_peephole, self.output_peephole):
            nn.init.uniform_(peephole, -bound, bound)
        nn.init.constant_(self.input_map.bias[hidden_size : 2 * hidden_size], forget_bias)

    def initial_state(self, batch_size: int) -> LSTMState:
        """Return units and memory cells at zero; see `Cell.initial_state`."""
        zeros = self.recurrent_map.weight.new_zeros(batch_size, self.output_size)
        return LSTMState(hidden=zeros, cell=zeros)

    def project(
        self, inputs: Float[Tensor, "*time batch input"]
    ) -> Float[Tensor, "*time batch gates"]:
        """Return $W x_t + b$ for the three gates and the cell input; see `Cell.project`."""
        return self.input_map(inputs)

    def step(
        self, projected: Float[Tensor, "batch gates"], state: LSTMState
    ) -> tuple[Float[Tensor, "batch hidden"], LSTMState]:
        """Advance one time step; see `Cell.step`."""
        i, f, g, o = (projected + self.recurrent_map(state.hidden)).chunk(4, dim=-1)
        i = (i + self.input_peephole * state.cell).sigmoid()
        f = (f + self.forget_peephole * state.cell).sigmoid()
        cell = f * state.cell + i * g.tanh()
        o = (o + self.output_peephole * cell).sigmoid()
        hidden = o * cell.tanh()
        return hidden, LSTMState(hidden, cell)
