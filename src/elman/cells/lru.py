"""The linear recurrent unit: a complex diagonal recurrence."""

import math
from typing import NamedTuple

import torch
from jaxtyping import Complex, Float
from torch import Tensor, nn

from elman.cells.base import LinearCell


class LRUState(NamedTuple):
    """The real and the imaginary parts of the complex units."""

    real: Float[Tensor, "batch hidden"]
    imaginary: Float[Tensor, "batch hidden"]


class LRUProjection(NamedTuple):
    """What the input adds to the real and imaginary parts of the units, and to the output."""

    real: Float[Tensor, "*time batch hidden"]
    imaginary: Float[Tensor, "*time batch hidden"]
    skip: Float[Tensor, "*time batch output"]


class LRUCell(LinearCell[LRUState]):
    r"""Linear recurrent unit: complex units that turn and decay, each by a factor of its own.

    $$ s_t = \lambda \odot s_{t-1} + e^{\gamma} \odot B x_t, \quad
       \lambda = e^{-e^{\nu} + i e^{\theta}} $$
    $$ h_t = \mathrm{Re}(C s_t) + D x_t $$

    The moduli of $\lambda$ stay below 1 whatever is learnt, so no state can explode. At the start
    $\lambda$ is uniform on a ring, and $e^{\gamma} = \sqrt{1 - |\lambda|^2}$.

    Args:
        input_size: features of each input vector.
        hidden_size: complex units.
        output_size: outputs; as many as complex units if not given.
        min_radius: least modulus of $\lambda$ at the start, from 0.
        max_radius: largest modulus of $\lambda$ at the start, up to 1.
        max_phase: largest phase of $\lambda$ at the start, in radians, above 0.

    Raises:
        ValueError: if a size is below 1, the radii do not obey 0 <= min < max <= 1 or the phase
            is not above 0.

    Reference:
        Orvieto et al. 2023, "Resurrecting recurrent neural networks for long sequences",
        section 3 and appendix A.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *,
        output_size: int | None = None,
        min_radius: float = 0.0,
        max_radius: float = 1.0,
        max_phase: float = 2 * math.pi,
    ) -> None:
        super().__init__(input_size, hidden_size if output_size is None else output_size)
        if hidden_size < 1:
            raise ValueError(f"LRUCell: hidden_size must be at least 1, got {hidden_size}.")
        if not 0 <= min_radius < max_radius <= 1:
            raise ValueError(
                "LRUCell: radii must obey 0 <= min_radius < max_radius <= 1, got "
                f"{min_radius} and {max_radius}."
            )
        if max_phase <= 0:
            raise ValueError(f"LRUCell: max_phase must be above 0, got {max_phase}.")
        # Not from 0 itself, whose logarithm is not finite.
        squares = torch.empty(hidden_size).uniform_(max(min_radius**2, 1e-6), max_radius**2)
        phases = torch.empty(hidden_size).uniform_(1e-6, 1) * max_phase
        self.nu = nn.Parameter((-0.5 * squares.log()).log())
        self.theta = nn.Parameter(phases.log())
        self.gamma = nn.Parameter(0.5 * (1 - squares).log())
        self.input_map = nn.Linear(input_size, 2 * hidden_size, bias=False)  # rows: Re B, Im B
        # Columns: Re C, -Im C, so that the product with both parts is Re(C s).
        self.output_map = nn.Linear(2 * hidden_size, self.output_size, bias=False)
        self.skip_map = nn.Linear(input_size, self.output_size, bias=False)
        nn.init.normal_(self.input_map.weight, std=1 / math.sqrt(2 * input_size))
        nn.init.normal_(self.output_map.weight, std=1 / math.sqrt(hidden_size))

    def initial_state(self, batch_size: int) -> LRUState:
        """Return units at zero; see `Cell.initial_state`."""
        zeros = self.nu.new_zeros(batch_size, len(self.nu))
        return LRUState(real=zeros, imaginary=zeros)

    def project(self, inputs: Float[Tensor, "*time batch input"]) -> LRUProjection:
        r"""Return $e^\gamma \odot B x_t$ and $D x_t$; see `Cell.project`."""
        real, imaginary = self.input_map(inputs).chunk(2, dim=-1)
        scale = self.gamma.exp()
        return LRUProjection(scale * real, scale * imaginary, self.skip_map(inputs))

    def coefficients(
        self, projected: LRUProjection
    ) -> tuple[Complex[Tensor, "*time batch hidden"], Complex[Tensor, "*time batch hidden"]]:
        r"""Return $\lambda$ and $e^\gamma \odot B x_t$; see `LinearCell.coefficients`."""
        addend = torch.complex(projected.real, projected.imaginary)
        return torch.complex(*self._eigenvalues()).expand_as(addend), addend

    def read(
        self, projected: LRUProjection, state: LRUState
    ) -> Float[Tensor, "*time batch output"]:
        r"""Return $\mathrm{Re}(C s_t) + D x_t$; see `LinearCell.read`."""
        return projected.skip + self.output_map(torch.cat(state, dim=-1))

    def step(
        self, projected: LRUProjection, state: LRUState
    ) -> tuple[Float[Tensor, "batch output"], LRUState]:
        """Advance one time step; see `Cell.step`."""
        real, imaginary = self._eigenvalues()
        new = LRUState(
            real=real * state.real - imaginary * state.imaginary + projected.real,
            imaginary=real * state.imaginary + imaginary * state.real + projected.imaginary,
        )
        return self.read(projected, new), new

    def _eigenvalues(self) -> tuple[Float[Tensor, " hidden"], Float[Tensor, " hidden"]]:
        r"""Return the real and imaginary parts of $\lambda$."""
        modulus, phase = (-self.nu.exp()).exp(), self.theta.exp()
        return modulus * phase.cos(), modulus * phase.sin()
