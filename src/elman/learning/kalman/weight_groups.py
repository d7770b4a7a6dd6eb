"""Weights in groups whose uncertainties are taken to be independent of each other's."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from elman.cells import Cell


@dataclass(frozen=True)
class WeightGroups:
    """All learnt weights of a model, each in one group.

    Args:
        parameters: the parameters that hold them; a weight's place counts through these.
        places: for each size of group, the places of the weights, `[groups, weights]`.
    """

    parameters: Sequence[nn.Parameter]
    places: Sequence[Int[Tensor, "groups weights"]]

    @property
    def count(self) -> int:
        """The number of weights."""
        return sum(parameter.numel() for parameter in self.parameters)

    @property
    def covariances(self) -> int:
        """Entries of the covariance matrices of all groups."""
        return sum(len(places) * places.shape[1] ** 2 for places in self.places)

    @torch.no_grad()
    def add(self, change: Float[Tensor, " weights"]) -> None:
        """Add to the weights.

        Args:
            change: one number a weight, in the order of their places.
        """
        parts = change.split([parameter.numel() for parameter in self.parameters])
        for parameter, part in zip(self.parameters, parts, strict=True):
            parameter.add_(part.view_as(parameter))


def one_group(model: nn.Module) -> WeightGroups:
    """Put all weights into one group: the global filter.

    Args:
        model: the model to be learnt.

    Returns:
        One group.
    """
    parameters = _learnt(model)
    count = sum(parameter.numel() for parameter in parameters)
    return WeightGroups(parameters, [torch.arange(count).unsqueeze(0)])


def node_groups(model: nn.Module) -> WeightGroups:
    """Put the weights that feed one node into a group of their own: the node-decoupled filter.

    A node is a row of the weights: of each matrix and bias of a cell with equally many rows, or
    of a module outside of cells. A gate of a unit, an output and the vector of a token are nodes.

    Args:
        model: the model to be learnt.

    Returns:
        A group for each node.
    """
    parameters = _learnt(model)
    owners = _owners(model)
    of_nodes: dict[tuple[int, int], list[Tensor]] = {}
    first = 0
    for parameter in parameters:
        rows = len(parameter) if parameter.dim() > 0 else 1
        places = first + torch.arange(parameter.numel()).view(rows, -1)
        of_nodes.setdefault((owners[parameter], rows), []).append(places)
        first += parameter.numel()
    by_size: dict[int, list[Tensor]] = {}
    for parts in of_nodes.values():
        nodes = torch.cat(parts, dim=1)
        by_size.setdefault(nodes.shape[1], []).append(nodes)
    return WeightGroups(parameters, [torch.cat(nodes) for nodes in by_size.values()])


def _learnt(model: nn.Module) -> list[nn.Parameter]:
    return [parameter for parameter in model.parameters() if parameter.requires_grad]


def _owners(model: nn.Module) -> dict[nn.Parameter, int]:
    """Return for each parameter the number of the innermost cell, or else module, that holds it."""
    owners: dict[nn.Parameter, int] = {}
    modules = list(model.modules())
    for number, module in enumerate(modules):
        for parameter in module.parameters(recurse=False):
            owners.setdefault(parameter, number)
    for number, module in enumerate(modules):  # outer modules stand before inner ones
        if isinstance(module, Cell):
            owners |= dict.fromkeys(module.parameters(), number)
    return owners
