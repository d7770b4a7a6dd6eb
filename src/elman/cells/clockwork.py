"""The clockwork recurrent network: groups of units that change at different rates."""

import math
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from elman.cells.base import ClockedCell

MOST_GROUPS = 8
"""Groups of a cell whose periods are not given, or fewer if that many do not divide its units."""


class ClockworkState(NamedTuple):
    """The units, slower groups last, and the number of the coming time step of each row."""

    hidden: Float[Tensor, "batch hidden"]
    clock: Float[Tensor, "batch 1"]


class ClockworkCell(ClockedCell[ClockworkState]):
    r"""Simple recurrent network in groups of units, each of which changes at its own period.

    $$ h_t^i = \begin{cases}
       \tanh\left(W_i x_t + \sum_{j \ge i} U_{ij} h_{t-1}^j + b_i\right)
       & \text{if } T_i \text{ divides } t \\ h_{t-1}^i & \text{otherwise} \end{cases} $$

    Periods $T_1 < T_2 < \dots$ rise, so a group reads itself and the slower groups, never the
    faster ones. The first step of a sequence is $t = 0$, at which every group changes.

    Args:
        input_size: features of each input vector.
        hidden_size: units, in groups of one size.
        periods: the period of each group, rising. Without it they are 1, 2, 4, 8, ...: of the
            numbers of groups up to eight that divide the units, the largest.

    Raises:
        ValueError: if a size is below 1, the periods do not rise from 1 or more, their number
            does not divide the units, or their least common multiple is too large to count to.

    Reference:
        Koutník et al. 2014, "A clockwork RNN", section 3.
    """

    carries_hidden = True

    def __init__(
        self, input_size: int, hidden_size: int, *, periods: tuple[int, ...] | None = None
    ) -> None:
        super().__init__(input_size, output_size=hidden_size)
        self.periods = _doubling(hidden_size) if periods is None else tuple(periods)
        _check_periods(self.periods, hidden_size)
        size = hidden_size // len(self.periods)
        self.input_map = nn.Linear(input_size, hidden_size)
        self.recurrent_maps = nn.ModuleList(
            nn.Linear(hidden_size - start, size, bias=False)
            for start in range(0, hidden_size, size)
        )

    def initial_state(self, batch_size: int) -> ClockworkState:
        """Return units at zero before step 0; see `Cell.initial_state`."""
        weight = self.input_map.weight
        countable = 2 / torch.finfo(weight.dtype).eps
        if math.lcm(*self.periods) > countable:
            raise ValueError(
                f"ClockworkCell: {weight.dtype} counts exactly to {countable:,.0f} only, and the "
                f"periods {self.periods} come round after {math.lcm(*self.periods):,} steps: take "
                "periods with a smaller least common multiple, or a wider type."
            )
        return ClockworkState(
            hidden=weight.new_zeros(batch_size, self.output_size),
            clock=weight.new_zeros(batch_size, 1),
        )

    def project(
        self, inputs: Float[Tensor, "*time batch input"]
    ) -> Float[Tensor, "*time batch hidden"]:
        """Return $W x_t + b$; see `Cell.project`."""
        return self.input_map(inputs)

    def step(
        self, projected: Float[Tensor, "batch hidden"], state: ClockworkState
    ) -> tuple[Float[Tensor, "batch hidden"], ClockworkState]:
        """Advance one time step; see `Cell.step`."""
        hidden, clock = state
        count = len(self.periods)
        size = self.output_size // count
        groups = []
        for index, (period, recurrent_map) in enumerate(
            zip(self.periods, self.recurrent_maps, strict=True)
        ):
            group = slice(index * size, (index + 1) * size)
            new = (projected[:, group] + recurrent_map(hidden[:, index * size :])).tanh()
            if period > 1:
                # Half a step of room on either side, so that nothing depends on rounding.
                ticks = (clock + 0.5).remainder(period) < 1
                new = torch.where(ticks, new, hidden[:, group])
            groups.append(new)
        hidden = torch.cat(groups, dim=-1)
        cycle = math.lcm(*self.periods)
        clock = torch.where(clock + 1 < cycle - 0.5, clock + 1, clock + 1 - cycle)
        return hidden, ClockworkState(hidden, clock)


def _doubling(hidden_size: int) -> tuple[int, ...]:
    groups = max(count for count in range(1, MOST_GROUPS + 1) if hidden_size % count == 0)
    return tuple(2**index for index in range(groups))


def _check_periods(periods: tuple[int, ...], hidden_size: int) -> None:
    rising = all(faster < slower for faster, slower in zip((0, *periods), periods, strict=False))
    if not periods or not rising:
        raise ValueError(f"ClockworkCell: periods must rise from 1 or more, got {periods}.")
    if hidden_size % len(periods):
        raise ValueError(
            f"ClockworkCell: the {len(periods)} groups of periods {periods} must be of one size, "
            f"but {len(periods)} does not divide hidden_size {hidden_size}."
        )
