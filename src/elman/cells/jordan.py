"""The recurrent network of Jordan, fed back from its output units."""

from typing import NamedTuple

from jaxtyping import Float
from torch import Tensor, nn

from elman.cells.base import Cell


class JordanState(NamedTuple):
    """The state units: decaying traces of the previous outputs, the last output among them."""

    context: Float[Tensor, "batch output"]
    output: Float[Tensor, "batch output"]


class JordanCell(Cell[JordanState]):
    r"""Recurrent network whose state units hold its previous outputs.

    $$ s_t = \mu s_{t-1} + y_{t-1} $$
    $$ h_t = \sigma(W x_t + U s_t + b), \quad y_t = \sigma(V h_t + c) $$

    Args:
        input_size: features of each input vector.
        hidden_size: hidden units.
        output_size: output units, as many as state units; as many as hidden units if not given.
        decay: the factor $\mu$ of the state units' connections to themselves, in [0, 1).

    Raises:
        ValueError: if a size is below 1 or the decay lies outside [0, 1).

    Reference:
        Jordan 1986, "Serial order: a parallel distributed processing approach", figure 4 and
        the section on temporal context.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *,
        output_size: int | None = None,
        decay: float = 0.0,
    ) -> None:
        output_size = hidden_size if output_size is None else output_size
        super().__init__(input_size, output_size=output_size)
        if hidden_size < 1:
            raise ValueError(f"JordanCell: hidden_size must be at least 1, got {hidden_size}.")
        if not 0.0 <= decay < 1.0:
            raise ValueError(f"JordanCell: decay must lie in [0, 1), got {decay}.")
        self.decay = decay
        self.input_map = nn.Linear(input_size, hidden_size)
        self.recurrent_map = nn.Linear(output_size, hidden_size, bias=False)
        self.output_map = nn.Linear(hidden_size, output_size)

    def initial_state(self, batch_size: int) -> JordanState:
        """Return state units and outputs at zero; see `Cell.initial_state`."""
        zeros = self.recurrent_map.weight.new_zeros(batch_size, self.output_size)
        return JordanState(context=zeros, output=zeros)

    def project(
        self, inputs: Float[Tensor, "*time batch input"]
    ) -> Float[Tensor, "*time batch hidden"]:
        """Return $W x_t + b$; see `Cell.project`."""
        return self.input_map(inputs)

    def step(
        self, projected: Float[Tensor, "batch hidden"], state: JordanState
    ) -> tuple[Float[Tensor, "batch output"], JordanState]:
        """Advance one time step; see `Cell.step`."""
        context = self.decay * state.context + state.output
        hidden = (projected + self.recurrent_map(context)).sigmoid()
        output = self.output_map(hidden).sigmoid()
        return output, JordanState(context, output)
