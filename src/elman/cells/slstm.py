"""Long short-term memory with exponential gates, a normaliser and a stabiliser."""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from elman.cells.base import Cell


class SLSTMState(NamedTuple):
    """The output, and the memory: cells and normaliser, both scaled by exp(-stabiliser)."""

    hidden: Float[Tensor, "batch hidden"]
    cell: Float[Tensor, "batch hidden"]
    normaliser: Float[Tensor, "batch hidden"]
    stabiliser: Float[Tensor, "batch hidden"]


class SLSTMCell(Cell[SLSTMState]):
    r"""Long short-term memory whose input gate is exponential, so that it can revise its memory.

    $$ f, o = \sigma(W x_t + U h_{t-1} + b), \quad i = \exp(\tilde\imath) =
       \exp(W_i x_t + U_i h_{t-1} + b_i), \quad z = \tanh(W_z x_t + U_z h_{t-1} + b_z) $$
    $$ m_t = \max(\log f + m_{t-1}, \tilde\imath), \quad
       f' = \exp(\log f + m_{t-1} - m_t), \quad i' = \exp(\tilde\imath - m_t) $$
    $$ c_t = f' \odot c_{t-1} + i' \odot z, \quad n_t = f' \odot n_{t-1} + i', \quad
       h_t = o \odot c_t / n_t $$

    The stabiliser $m$ cancels in $c / n$; it keeps the exponentials in range. The matrices $U$
    are block-diagonal: units see only those of their own head.

    Args:
        input_size: features of each input vector.
        hidden_size: units, in heads of one size.
        heads: blocks of units that do not see one another.
        forget_bias: where the forget gates' bias starts.

    Raises:
        ValueError: if a size is below 1 or the heads do not divide the units.

    Reference:
        Beck et al. 2024, "xLSTM: extended long short-term memory", equations 8 to 17.
        Differs: of the paper's two forget gates, the sigmoid one.
    """

    # Cells, normaliser and stabiliser are one memory: they mean something only together.
    always_advance = ("cell", "normaliser", "stabiliser")

    def __init__(
        self, input_size: int, hidden_size: int, *, heads: int = 1, forget_bias: float = 1.0
    ) -> None:
        super().__init__(input_size, output_size=hidden_size)
        if heads < 1 or hidden_size % heads:
            raise ValueError(
                f"SLSTMCell: heads must be at least 1 and divide hidden_size {hidden_size}, "
                f"got {heads}."
            )
        size = hidden_size // heads
        self.input_map = nn.Linear(input_size, 4 * hidden_size)  # rows: i, f, z, o
        self.recurrent_maps = nn.ModuleList(  # of each head, rows: i, f, z, o
            nn.Linear(size, 4 * size, bias=False) for _ in range(heads)
        )
        nn.init.constant_(self.input_map.bias[hidden_size : 2 * hidden_size], forget_bias)

    def initial_state(self, batch_size: int) -> SLSTMState:
        """Return an empty memory; see `Cell.initial_state`."""
        weight = self.input_map.weight
        zeros = weight.new_zeros(batch_size, self.output_size)
        # The logarithm of a scale of next to nothing: the first input gate is the larger one.
        nothing = torch.full_like(zeros, torch.finfo(weight.dtype).min / 2)
        return SLSTMState(hidden=zeros, cell=zeros, normaliser=zeros, stabiliser=nothing)

    def project(
        self, inputs: Float[Tensor, "*time batch input"]
    ) -> Float[Tensor, "*time batch gates"]:
        """Return $W x_t + b$ for the three gates and the cell input; see `Cell.project`."""
        return self.input_map(inputs)

    def step(
        self, projected: Float[Tensor, "batch gates"], state: SLSTMState
    ) -> tuple[Float[Tensor, "batch hidden"], SLSTMState]:
        """Advance one time step; see `Cell.step`."""
        i, f, z, o = (projected + self._recurrent(state.hidden)).chunk(4, dim=-1)
        kept = F.logsigmoid(f) + state.stabiliser
        stabiliser = torch.maximum(kept, i)
        f, i = (kept - stabiliser).exp(), (i - stabiliser).exp()
        cell = f * state.cell + i * z.tanh()
        normaliser = f * state.normaliser + i
        hidden = o.sigmoid() * cell / normaliser
        return hidden, SLSTMState(hidden, cell, normaliser, stabiliser)

    def _recurrent(self, hidden: Float[Tensor, "batch hidden"]) -> Float[Tensor, "batch gates"]:
        """Return $U h_{t-1}$, gate after gate and in each gate head after head."""
        heads = hidden.chunk(len(self.recurrent_maps), dim=-1)
        blocks = [
            recurrent_map(head).chunk(4, dim=-1)
            for recurrent_map, head in zip(self.recurrent_maps, heads, strict=True)
        ]
        return torch.cat([block[gate] for gate in range(4) for block in blocks], dim=-1)
