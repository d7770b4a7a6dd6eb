"""Zoneout: units that keep their previous value at random."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor

from elman.cells import Cell, WrappedCell
from elman.state import map_state, rebuild, tensors


class ZoneoutProjection(NamedTuple):
    """The inner cell's projection beside the share that each unit keeps, shaped as the state."""

    projected: Any
    keep: Any


class Zoneout(WrappedCell):
    r"""A cell whose units keep their previous values with a given probability in training.

    $$ s_t = d_t \odot s_{t-1} + (1 - d_t) \odot \tilde s_t $$

    where $\tilde s_t$ is the inner cell's new state and $d_t$ a mask of ones with probability
    `rate`, drawn for each unit of each part of the state. In evaluation $d_t$ is its
    expectation, the rate itself. Parts of the state that are not floating-point numbers, or that
    the cell lists in `always_advance`, such as clocks, always change. An output that is one of
    the new state's tensors is zoned out with it; an output computed from them (by `LayerNorm`
    inside, say) is not: wrap it around instead.

    Args:
        cell: any cell.
        rate: probability of keeping the previous value, in [0, 1).

    Raises:
        ValueError: if the rate lies outside [0, 1).

    Reference:
        Krueger et al. 2017, "Zoneout: regularizing RNNs by randomly preserving hidden
        activations", equations 1 to 3.
    """

    carries_hidden = True

    def __init__(self, cell: Cell[Any], rate: float) -> None:
        super().__init__(cell)
        if not 0.0 <= rate < 1.0:
            raise ValueError(f"Zoneout: rate must lie in [0, 1), got {rate}.")
        self.rate = rate
        inner = (part for part in cell.modules() if isinstance(part, Cell))
        advancing = {name for part in inner for name in part.always_advance}
        self._held = list(_held(cell.initial_state(1), advancing))

    def project(self, inputs: Tensor) -> ZoneoutProjection:
        """Draw the masks beside the inner cell's projection; see `Cell.project`."""

        def draw(part: Tensor) -> Tensor:
            shape = (*inputs.shape[:-1], *part.shape[1:])
            rate = inputs.new_full((), self.rate).expand(shape)
            return torch.bernoulli(rate) if self.training else rate

        keep = map_state(draw, self.cell.initial_state(1))
        return ZoneoutProjection(self.cell.project(inputs), keep)

    def step(self, projected: ZoneoutProjection, state: Any) -> tuple[Tensor, Any]:
        """Step the inner cell and keep previous values; see `Cell.step`."""
        output, new_state = self.cell.step(projected.projected, state)
        new = list(tensors(new_state))
        zoned = []
        for held, keep, before, after in zip(
            self._held, tensors(projected.keep), tensors(state), new, strict=True
        ):
            zoned.append(keep * before + (1 - keep) * after if held else after)
        for after, mixed in zip(new, zoned, strict=True):
            if output is after:
                output = mixed
        return output, rebuild(new_state, zoned)


def _held(state: Any, advancing: set[str], name: str = "") -> Iterator[bool]:
    """Yield for each tensor of a state whether its units may keep their previous values."""
    if isinstance(state, Tensor):
        yield state.is_floating_point() and name not in advancing
        return
    names = getattr(state, "_fields", ("",) * len(state))
    for part_name, part in zip(names, state, strict=True):
        yield from _held(part, advancing, part_name)
