"""The Jacobian of a step from few backward passes."""

from collections.abc import Mapping
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from elman.learning.online.dependence import Dependence
from elman.learning.online.transition import STATE, Transition

Mask = Bool[Tensor, "state columns"]


class StepJacobian:
    r"""The entries of $\partial s_t / \partial s_{t-1}$ and $\partial s_t / \partial \theta$.

    Units that depend on no number in common have one colour, and one backward pass from all units
    of a colour gives the derivatives of each of them. Every parameter has the colours it needs:
    the weights of an Elman network one, those of an LSTM two (a memory cell and its output share
    their gates), an embedding, which all units read, as many as there are units.

    Args:
        transition: the step.
        dependence: where its Jacobians can differ from zero.
    """

    link_places: Int[Tensor, "state state"]
    """Where the derivative of each unit by each stands among the values; those of zero: last."""
    places: Int[Tensor, " entries"]
    """Where the derivatives by parameters stand among the values."""
    units: Int[Tensor, " entries"]
    """The units of these derivatives."""
    columns: Int[Tensor, " entries"]
    """Their parameters."""

    def __init__(self, transition: Transition, dependence: Dependence) -> None:
        self.transition = transition
        sizes = [value.numel() for value in transition.parameters.values()]
        parts = dependence.reach.split(sizes, dim=1)
        masks = {STATE: dependence.links, **dict(zip(transition.parameters, parts, strict=True))}
        self.groups = _grouped(masks, transition.flatten(transition.like))
        self.width = 0
        places: dict[str, Tensor] = {}
        for group in self.groups:
            inside = group.places(masks)
            places |= {name: self.width + place for name, place in inside.items()}
            self.width += len(group.seeds) * sum(masks[name].shape[1] for name in group.names)
        everything = torch.ones(self.width, dtype=torch.bool, device=dependence.links.device)
        everything[torch.cat(list(places.values()))] = False
        self.outside = everything.nonzero().squeeze(1)
        self.link_places = torch.full_like(dependence.links, self.width, dtype=torch.long)
        self.link_places[dependence.links] = places.pop(STATE)
        none = self.outside[:0]
        self.places = torch.cat([none, *(places[name] for name in transition.parameters)])
        pairs = [part.nonzero() for part in parts]
        starts = torch.tensor([0, *sizes]).cumsum(0)
        self.units = torch.cat([none, *(pair[:, 0] for pair in pairs)])
        shifted = (start + pair[:, 1] for start, pair in zip(starts, pairs, strict=False))
        self.columns = torch.cat([none, *shifted])

    def __call__(
        self, inputs: Tensor, states: Float[Tensor, "batch state"]
    ) -> Float[Tensor, "batch values"]:
        """Differentiate one step of each row.

        Args:
            inputs: what the step reads, `[batch, ...]`.
            states: flattened states before it.

        Returns:
            The values that `link_places` and `places` point into.

        Raises:
            ValueError: if a derivative differs from zero where it cannot.
        """
        parts = [
            self.transition.pull(
                group.names, inputs, states, group.seeds.expand(len(states), -1, -1)
            ).flatten(1)
            for group in self.groups
        ]
        values = torch.cat([*parts, states.new_zeros(len(states), 1)], dim=1)
        if values.index_select(1, self.outside).any():
            raise ValueError(
                "A step depends on parameters on which it did not depend when it was tried out: "
                "keep tables that are looked up by the input in nn.Embedding."
            )
        return values


class _Group(NamedTuple):
    """Parameters whose derivatives come from the same backward passes.

    Args:
        names: the parameters.
        colours: of each unit.
        seeds: one vector a pass, with ones at the units of one colour.
    """

    names: list[str]
    colours: Int[Tensor, " state"]
    seeds: Float[Tensor, "colours state"]

    def places(self, masks: Mapping[str, Mask]) -> dict[str, Int[Tensor, " entries"]]:
        """Return where the entries of each parameter stand among the products of the passes."""
        together = sum(masks[name].shape[1] for name in self.names)
        first, found = 0, {}
        for name in self.names:
            units, columns = masks[name].nonzero(as_tuple=True)
            found[name] = self.colours[units] * together + first + columns
            first += masks[name].shape[1]
        return found


def _grouped(masks: Mapping[str, Mask], like: Tensor) -> list[_Group]:
    colours = {name: _colours(mask) for name, mask in masks.items()}
    shared: dict[tuple[int, ...], list[str]] = {}
    for name, found in colours.items():
        shared.setdefault(tuple(found.tolist()), []).append(name)
    return [
        _Group(names, found := colours[names[0]], _seeds(found, like)) for names in shared.values()
    ]


def _colours(mask: Mask) -> Int[Tensor, " state"]:
    """Give units one colour where no column is of two of them; each the first that is free."""
    counted = mask.float()
    clash = (counted @ counted.mT > 0).cpu()
    colours = torch.zeros(len(mask), dtype=torch.long)
    for unit in range(1, len(mask)):
        taken = set(colours[:unit][clash[unit, :unit]].tolist())
        colours[unit] = min(set(range(len(taken) + 1)) - taken)
    return colours.to(mask.device)


def _seeds(colours: Int[Tensor, " state"], like: Tensor) -> Tensor:
    seeds = like.new_zeros(int(colours.max()) + 1, len(colours))
    return seeds.scatter_(0, colours.unsqueeze(0), 1.0)
