"""Which units of the state each parameter reaches, as distinct sets of units."""

from collections.abc import Iterator
from typing import NamedTuple

import torch
from jaxtyping import Bool, Int
from torch import Tensor


class Support(NamedTuple):
    """The units that each parameter reaches.

    Args:
        sets: the distinct sets of units.
        member: which of these sets each parameter reaches.
    """

    sets: Bool[Tensor, "sets state"]
    member: Int[Tensor, " parameters"]

    def groups(self) -> Iterator[tuple[Int[Tensor, " units"], Int[Tensor, " width"]]]:
        """Yield the units of each set and the parameters that reach just these, none if none."""
        counts = torch.bincount(self.member, minlength=len(self.sets)).tolist()
        columns = self.member.argsort(stable=True).split(counts)
        for units, of_set in zip(self.sets, columns, strict=True):
            if units.any():
                yield units.nonzero().squeeze(1), of_set


def direct_support(reach: Bool[Tensor, "state parameters"]) -> Support:
    """Find the units that parameters reach within one step.

    Args:
        reach: whether a unit depends directly on a parameter.

    Returns:
        Their sets.
    """
    # Equal columns have equal sums of random numbers a unit, and others do not.
    generator = torch.Generator().manual_seed(0)
    numbers = torch.randint(2**62, (len(reach),), generator=generator).to(reach.device)
    keys = torch.zeros_like(reach[0], dtype=torch.long)
    for row, number in zip(reach, numbers, strict=True):
        keys += row * number
    _, member = keys.unique(return_inverse=True)
    examples = torch.zeros(int(member.max()) + 1 if len(member) else 0, dtype=torch.long)
    examples = examples.to(member).scatter_(0, member, torch.arange(len(member)).to(member))
    return Support(reach[:, examples].mT, member)


def lasting_support(support: Support, links: Bool[Tensor, "state state"]) -> Support:
    """Find the units that parameters reach within any number of steps.

    Args:
        support: the units they reach within one step.
        links: whether a unit depends on a unit of the state before.

    Returns:
        Their sets, closed under the links.
    """
    paths = links | torch.eye(len(links), dtype=torch.bool, device=links.device)
    while True:
        longer = paths.float() @ paths.float() > 0
        if torch.equal(longer, paths):
            break
        paths = longer
    closed = support.sets.float() @ paths.float().mT > 0
    sets, merged = closed.unique(dim=0, return_inverse=True)
    return Support(sets, merged[support.member])
