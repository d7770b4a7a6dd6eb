"""Gated recurrent unit with layer normalisation inside the recurrence."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from elman.cells.base import Cell
from elman.cells.gru import GRUState


class LayerNormGRUCell(Cell[GRUState]):
    r"""Gated recurrent unit that normalises each of its products.

    $$ (r, z) = \sigma(\mathrm{LN}_1(W x_t) + \mathrm{LN}_2(U h_{t-1})) $$
    $$ \tilde h = \tanh(\mathrm{LN}_3(W_h x_t) + r \odot \mathrm{LN}_4(U_h h_{t-1})) $$
    $$ h_t = (1 - z) \odot h_{t-1} + z \odot \tilde h $$

    where LN, with gains and biases of its own each time, is that of `LayerNormLSTMCell`, taken
    over both gates together and over the candidate alone.

    Args:
        input_size: features of each input vector.
        hidden_size: units.

    Raises:
        ValueError: if a size is below 1.

    Reference:
        Ba, Kiros & Hinton 2016, "Layer normalization", supplementary material, the GRU.
    """

    carries_hidden = True

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, output_size=hidden_size)
        self.input_map = nn.Linear(input_size, 3 * hidden_size, bias=False)  # rows: r, z, candidate
        self.recurrent_map = nn.Linear(hidden_size, 3 * hidden_size, bias=False)
        self.input_gate_norm = nn.LayerNorm(2 * hidden_size)
        self.input_candidate_norm = nn.LayerNorm(hidden_size)
        self.recurrent_gate_norm = nn.LayerNorm(2 * hidden_size)
        self.recurrent_candidate_norm = nn.LayerNorm(hidden_size)

    def initial_state(self, batch_size: int) -> GRUState:
        """Return units at zero; see `Cell.initial_state`."""
        weight = self.recurrent_map.weight
        return GRUState(hidden=weight.new_zeros(batch_size, self.output_size))

    def project(
        self, inputs: Float[Tensor, "*time batch input"]
    ) -> Float[Tensor, "*time batch gates"]:
        r"""Return the normalised $W x_t$ of r, z and the candidate; see `Cell.project`."""
        sizes = [2 * self.output_size, self.output_size]
        gates, candidate = self.input_map(inputs).split(sizes, dim=-1)
        return torch.cat([self.input_gate_norm(gates), self.input_candidate_norm(candidate)], -1)

    def step(
        self, projected: Float[Tensor, "batch gates"], state: GRUState
    ) -> tuple[Float[Tensor, "batch hidden"], GRUState]:
        """Advance one time step; see `Cell.step`."""
        sizes = [2 * self.output_size, self.output_size]
        input_gates, input_candidate = projected.split(sizes, dim=-1)
        gates, candidate = self.recurrent_map(state.hidden).split(sizes, dim=-1)
        r, z = (input_gates + self.recurrent_gate_norm(gates)).sigmoid().chunk(2, dim=-1)
        candidate = (input_candidate + r * self.recurrent_candidate_norm(candidate)).tanh()
        hidden = (1 - z) * state.hidden + z * candidate
        return hidden, GRUState(hidden)
