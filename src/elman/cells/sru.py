"""The simple recurrent unit, whose gates see the input alone."""

from typing import NamedTuple

from jaxtyping import Float
from torch import Tensor, nn

from elman.cells.base import LinearCell


class SRUState(NamedTuple):
    """The memory cells."""

    cell: Float[Tensor, "batch hidden"]


class SRUProjection(NamedTuple):
    """The forget gate, candidate and reset gate before their squashing, and the highway."""

    forget: Float[Tensor, "*time batch hidden"]
    candidate: Float[Tensor, "*time batch hidden"]
    reset: Float[Tensor, "*time batch hidden"]
    highway: Float[Tensor, "*time batch hidden"]


class SRUCell(LinearCell[SRUState]):
    r"""Simple recurrent unit: a light recurrence, and a highway from the input to the output.

    $$ f = \sigma(W_f x_t + b_f), \quad r = \sigma(W_r x_t + b_r) $$
    $$ c_t = f \odot c_{t-1} + (1 - f) \odot W x_t, \quad
       h_t = r \odot c_t + (1 - r) \odot x_t $$

    Where inputs and units differ in number, $W_s x_t$ takes the place of $x_t$ in the highway.

    Args:
        input_size: features of each input vector.
        hidden_size: units.

    Raises:
        ValueError: if a size is below 1.

    Reference:
        Lei et al. 2018, "Simple recurrent units for highly parallelizable recurrence",
        equations 1 to 4. Differs: the gates do not see $c_{t-1}$, as in the first version of the
        paper, which makes the recurrence linear; the highway is not scaled.
    """

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, output_size=hidden_size)
        self.gate_map = nn.Linear(input_size, 2 * hidden_size)  # rows: f, r
        self.candidate_map = nn.Linear(input_size, hidden_size, bias=False)
        same = input_size == hidden_size
        self.highway_map = nn.Identity() if same else nn.Linear(input_size, hidden_size, bias=False)

    def initial_state(self, batch_size: int) -> SRUState:
        """Return memory cells at zero; see `Cell.initial_state`."""
        return SRUState(cell=self.gate_map.weight.new_zeros(batch_size, self.output_size))

    def project(self, inputs: Float[Tensor, "*time batch input"]) -> SRUProjection:
        """Return the products with the input; see `Cell.project`."""
        forget, reset = self.gate_map(inputs).chunk(2, dim=-1)
        return SRUProjection(forget, self.candidate_map(inputs), reset, self.highway_map(inputs))

    def coefficients(
        self, projected: SRUProjection
    ) -> tuple[Float[Tensor, "*time batch hidden"], Float[Tensor, "*time batch hidden"]]:
        r"""Return $f$ and $(1 - f) \odot W x_t$; see `LinearCell.coefficients`."""
        f = projected.forget.sigmoid()
        return f, (1 - f) * projected.candidate

    def read(
        self, projected: SRUProjection, state: SRUState
    ) -> Float[Tensor, "*time batch hidden"]:
        """Return the memory cells mixed with the highway; see `LinearCell.read`."""
        r = projected.reset.sigmoid()
        return r * state.cell + (1 - r) * projected.highway

    def step(
        self, projected: SRUProjection, state: SRUState
    ) -> tuple[Float[Tensor, "batch hidden"], SRUState]:
        """Advance one time step; see `Cell.step`."""
        a, b = self.coefficients(projected)
        new = SRUState(a * state.cell + b)
        return self.read(projected, new), new
