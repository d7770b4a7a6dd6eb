"""The influence of parameters on the state, stored without what is always zero."""

from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from elman.learning.online.step_jacobian import StepJacobian
from elman.learning.online.support import Support


class Blocks(NamedTuple):
    """Blocks of one size: in each, equally many parameters reach equally many units.

    Args:
        units: the units of each block.
        columns: the parameters of each block; none is in two blocks.
    """

    units: Int[Tensor, "blocks units"]
    columns: Int[Tensor, "blocks width"]

    @property
    def shape(self) -> tuple[int, int, int]:
        """Blocks, units of each, parameters of each."""
        return (*self.units.shape, self.columns.shape[1])

    @property
    def entries(self) -> int:
        """Numbers in all blocks."""
        return self.units.numel() * self.columns.shape[1]


class Influence:
    r"""The recursion $J_t = D_t J_{t-1} + P_t$ over some entries of $J = ds / d\theta$.

    Parameters that reach the same units form a block, and each block is a product of its own:
    its rows and columns of $D$ with its rows of $J$. So a parameter costs only as many numbers as
    it reaches units. Where these are all it ever reaches, the recursion is exact.

    Args:
        jacobian: gives $D$ and $P$.
        support: the units that each parameter reaches; at least those it reaches in one step.
    """

    def __init__(self, jacobian: StepJacobian, support: Support) -> None:
        self.jacobian = jacobian
        self.parameter_count = len(support.member)
        self.blocks = _blocks(support)
        self.entries = sum(blocks.entries for blocks in self.blocks)
        """Numbers kept of each row."""
        places = jacobian.link_places
        self.links = [
            places[blocks.units.unsqueeze(2), blocks.units.unsqueeze(1)] for blocks in self.blocks
        ]
        self.added = self._places_of_added(support)

    def advance(
        self, influence: Float[Tensor, "batch entries"], values: Float[Tensor, "batch values"]
    ) -> Float[Tensor, "batch entries"]:
        """Take one step of the recursion.

        Args:
            influence: the entries kept of J before the step.
            values: the Jacobian of the step.

        Returns:
            Those after it.
        """
        after = [influence[:, :0]]
        for place, of_blocks in zip(self.links, self._parts(influence), strict=True):
            links = values.index_select(1, place.flatten()).unflatten(1, place.shape)
            after.append(torch.einsum("bgij,bgjw->bgiw", links, of_blocks).flatten(1))
        added = values.index_select(1, self.jacobian.places)
        return torch.cat(after, dim=1).index_add_(1, self.added, added)

    def pull(
        self, influence: Float[Tensor, "batch entries"], by_state: Float[Tensor, "batch state"]
    ) -> Float[Tensor, " parameters"]:
        """Carry derivatives of a loss by the state on to the parameters.

        Args:
            influence: the entries kept of J.
            by_state: derivatives of the loss by the same state.

        Returns:
            Derivatives of the loss by the parameters, summed over the rows.
        """
        gradient = by_state.new_zeros(self.parameter_count)
        for blocks, of_blocks in zip(self.blocks, self._parts(influence), strict=True):
            by_units = by_state[:, blocks.units]
            gradient[blocks.columns] = torch.einsum("bgi,bgiw->gw", by_units, of_blocks)
        return gradient

    def _parts(self, influence: Tensor) -> list[Float[Tensor, "batch blocks units width"]]:
        parts = influence.split([blocks.entries for blocks in self.blocks], dim=1)
        pairs = zip(parts, self.blocks, strict=True)
        return [part.unflatten(1, blocks.shape) for part, blocks in pairs]

    def _places_of_added(self, support: Support) -> Int[Tensor, " entries"]:
        """Return where each entry of P stands among those kept of J."""
        base, stride = torch.zeros_like(support.member), torch.zeros_like(support.member)
        first = 0
        for blocks in self.blocks:
            count, units, width = blocks.shape
            heads = first + torch.arange(0, count * units * width, units * width)
            base[blocks.columns] = (heads.unsqueeze(1) + torch.arange(width)).to(base)
            stride[blocks.columns] = width
            first += blocks.entries
        unit, column = self.jacobian.units, self.jacobian.columns
        rank = support.sets.cumsum(1)[support.member[column], unit] - 1
        return base[column] + stride[column] * rank


def _blocks(support: Support) -> list[Blocks]:
    """Put groups of one size together."""
    by_size: dict[tuple[int, int], list[tuple[Tensor, Tensor]]] = {}
    for units, columns in support.groups():
        by_size.setdefault((len(units), len(columns)), []).append((units, columns))
    return [Blocks(*map(torch.stack, zip(*same, strict=True))) for same in by_size.values()]
