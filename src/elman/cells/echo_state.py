"""The reservoir of an echo state network."""

from typing import Literal, NamedTuple, get_args

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from elman.cells.base import Drive, LeakyUnits, ReservoirCell
from elman.cells.radius import spectral_radius as radius_of
from elman.cells.settings import (
    Setting,
    column,
    count_rows,
    drawn,
    factor,
    side_by_side,
    values,
)
from elman.cells.sparse_map import SparseMap, draw_columns
from elman.memory import physical_memory

ReservoirNonlinearity = Literal["tanh", "identity"]
KNOWN = get_args(ReservoirNonlinearity)

SPARSE_SIZE = 500
"""From so many units on, the zeros of a sparse reservoir are not stored."""
SPARSE_DENSITY = 0.1
"""Up to this density a large reservoir counts as sparse."""


class EchoState(NamedTuple):
    """The reservoir's units."""

    hidden: Float[Tensor, "batch hidden"]


class EchoStateCell(ReservoirCell[EchoState]):
    r"""Reservoir of leaky units with fixed random weights; a readout on its units is learnt.

    $$ h_t = (1 - \alpha) h_{t-1} +
       \alpha \tanh(W_{in} x_t + W h_{t-1} + W_{back} y_{t-1} + b) $$

    Each unit reads the same number of units of the sparse $W$, which is scaled to a given
    spectral radius. The previous output $y_{t-1}$ stands in the last columns of the input: the
    wanted output in training (teacher forcing); `ClosedLoopCell` puts the network's own there.
    No weight is a parameter that an optimiser would change. All are drawn uniformly.

    A setting may be a tensor of one value for each row of the batch. Row $b$ is then the reservoir
    that the $b$-th values make of the same draw, so that a grid of settings is run as one batch.

    Args:
        input_size: features of each input vector, those of the previous output included.
        hidden_size: units of the reservoir.
        feedback_size: the last features of the input that are the previous output.
        spectral_radius: largest modulus of the eigenvalues of $W$, from 0; or `[batch]` of them.
        density: share of entries of $W$ that are not zero, in (0, 1].
        leak: the rate $\alpha$ at which units change, in (0, 1]; or `[batch]` of them.
        input_scaling: bound of the entries of $W_{in}$; or `[batch]` of them.
        feedback_scaling: bound of the entries of $W_{back}$; or `[batch]` of them.
        bias_scaling: bound of the biases; or `[batch]` of them.
        nonlinearity: `tanh`, or `identity` for a linear reservoir.

    Raises:
        ValueError: if a setting lies outside its range, settings are of different lengths, the
            reservoir would not fit into memory, or the $W$ drawn is nilpotent and cannot be
            scaled.

    Example:
        >>> radii = torch.tensor([0.5, 0.7, 0.9, 1.1])
        >>> cell = EchoStateCell(1, 100, spectral_radius=radii, leak=0.3)
        >>> cell.initial_state(4).hidden.shape
        torch.Size([4, 100])

    Reference:
        Jaeger 2001, "The 'echo state' approach to analysing and training recurrent neural
        networks", equation 1. Differs: units leak as in Jaeger et al. 2007.
    """

    carries_hidden = True
    leak: float | Float[Tensor, "rows 1"]
    radius_factor: float | Float[Tensor, "rows 1"]
    input_factor: float | Float[Tensor, "rows input"]
    bias_factor: float | Float[Tensor, "rows 1"]

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *,
        feedback_size: int = 0,
        spectral_radius: Setting = 0.9,
        density: float = 0.1,
        leak: Setting = 1.0,
        input_scaling: Setting = 1.0,
        feedback_scaling: Setting = 1.0,
        bias_scaling: Setting = 0.0,
        nonlinearity: ReservoirNonlinearity = "tanh",
    ) -> None:
        super().__init__(input_size, output_size=hidden_size)
        settings = {
            "spectral_radius": spectral_radius,
            "leak": leak,
            "input_scaling": input_scaling,
            "feedback_scaling": feedback_scaling,
            "bias_scaling": bias_scaling,
        }
        self.rows = count_rows("EchoStateCell", settings)
        _check("feedback_size", feedback_size, 0 <= feedback_size <= input_size, "0 to input_size")
        for radius in values(spectral_radius):
            _check("spectral_radius", radius, radius >= 0, "0 or more")
        _check("density", density, 0 < density <= 1, "above 0, up to 1")
        for rate in values(leak):
            _check("leak", rate, 0 < rate <= 1, "above 0, up to 1")
        _check("nonlinearity", nonlinearity, nonlinearity in KNOWN, " or ".join(KNOWN))
        entries = max(1, round(density * hidden_size))
        sparse = hidden_size >= SPARSE_SIZE and density <= SPARSE_DENSITY
        _check_memory(hidden_size * (entries if sparse else hidden_size), hidden_size, density)
        self.nonlinearity = nonlinearity
        self.input_map = nn.Linear(input_size, hidden_size)
        own = input_size - feedback_size
        _draw(self.input_map.weight[:, :own], input_scaling)
        _draw(self.input_map.weight[:, own:], feedback_scaling)
        _draw(self.input_map.bias, bias_scaling)
        self.recurrent_map = _draw_recurrence(hidden_size, entries, sparse=sparse)
        _scale(self.recurrent_map, drawn(spectral_radius))
        self._keep("leak", column(leak))
        self._keep("radius_factor", factor(spectral_radius))
        columns = [factor(input_scaling)] * own + [factor(feedback_scaling)] * feedback_size
        self._keep("input_factor", side_by_side(columns))
        self._keep("bias_factor", factor(bias_scaling))
        self.requires_grad_(False)

    def initial_state(self, batch_size: int) -> EchoState:
        """Return units at zero; see `Cell.initial_state`."""
        return EchoState(hidden=self.input_map.weight.new_zeros(batch_size, self.output_size))

    def project(
        self, inputs: Float[Tensor, "*time batch input"]
    ) -> Float[Tensor, "*time batch hidden"]:
        """Return $W_{in} x_t + W_{back} y_{t-1} + b$; see `Cell.project`."""
        if self.rows is None:
            return self.input_map(inputs)
        driven = F.linear(self.input_factor * inputs, self.input_map.weight)
        return driven + self.bias_factor * self.input_map.bias

    def step(
        self, projected: Float[Tensor, "batch hidden"], state: EchoState
    ) -> tuple[Float[Tensor, "batch hidden"], EchoState]:
        """Advance one time step; see `Cell.step`."""
        new = projected + self.radius_factor * self.recurrent_map(state.hidden)
        new = new.tanh() if self.nonlinearity == "tanh" else new
        hidden = (1 - self.leak) * state.hidden + self.leak * new
        return hidden, EchoState(hidden)

    def leaky_units(self) -> LeakyUnits:
        """Describe the step; see `ReservoirCell.leaky_units`."""
        squashed = self.nonlinearity == "tanh"
        drive = Drive(self.input_map, self.input_factor, self.bias_factor)
        return LeakyUnits(self.recurrent_map, squashed, self.leak, self.radius_factor, drive)

    def _keep(self, name: str, value: float | Tensor) -> None:
        if isinstance(value, Tensor):
            self.register_buffer(name, value.detach().to(self.input_map.weight))
        else:
            setattr(self, name, value)


def _draw(weight: Tensor, setting: Setting) -> None:
    nn.init.uniform_(weight, -drawn(setting), drawn(setting))


def _check(name: str, value: object, right: bool, wanted: str) -> None:
    if not right:
        raise ValueError(f"EchoStateCell: {name} must be {wanted}, got {value!r}.")


def _check_memory(stored: int, size: int, density: float) -> None:
    # While it is drawn and scaled, an entry takes 8 bytes twice.
    needed, present = 16 * stored, physical_memory()
    if needed > present:
        raise ValueError(
            f"EchoStateCell: a reservoir of {size:,} units at density {density:g} takes "
            f"{needed / 2**30:,.0f} GiB to make, and this machine has {present / 2**30:,.0f} GiB: "
            "take fewer units or a lower density."
        )


def _draw_recurrence(size: int, entries: int, *, sparse: bool) -> nn.Linear | SparseMap:
    """Draw $W$ before its scaling, stored with or without its zeros."""
    columns = draw_columns(size, size, entries)
    values = torch.empty(size, entries).uniform_(-1, 1)
    if sparse:
        return SparseMap(columns, values)
    dense = nn.Linear(size, size, bias=False)
    with torch.no_grad():
        dense.weight.zero_().scatter_(1, columns, values)
    return dense


@torch.no_grad()
def _scale(recurrence: nn.Linear | SparseMap, radius: float) -> None:
    """Scale a recurrence to a spectral radius, found in float64."""
    kind = recurrence.weight.dtype
    found = radius_of(recurrence.double(), recurrence.weight.shape[0])
    if found == 0:
        raise ValueError(
            "EchoStateCell: the reservoir drawn is nilpotent, its spectral radius is 0 and cannot "
            "be scaled: raise the density, or draw with another seed."
        )
    recurrence.weight.mul_(radius / found)
    recurrence.to(kind)
