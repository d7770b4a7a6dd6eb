"""The recursive network of Socher."""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from elman.cells.tree import TreeCell


class RecursiveState(NamedTuple):
    """What a node means: a vector that is made from the vectors of its children."""

    hidden: Float[Tensor, "*nodes hidden"]


def add_mean_of_children(child_map: nn.Linear) -> None:
    """Let a map of two children start near their mean, else no leaf is heard at the root.

    Args:
        child_map: from both children, `2 * hidden`, to the parent, `hidden`.
    """
    both = torch.eye(child_map.out_features).repeat(1, 2)
    with torch.no_grad():
        child_map.weight.add_(both, alpha=0.5)


class RecursiveCell(TreeCell[RecursiveState]):
    r"""Recursive network: a parent is one layer above its two children.

    $$ h = \tanh(W x + U [h_1; h_2] + b) $$

    Args:
        input_size: features of each input vector.
        hidden_size: units of each node.

    Raises:
        ValueError: if a size is below 1.

    Reference:
        Socher, Lin, Ng & Manning 2011, "Parsing natural scenes and natural language with
        recursive neural networks", sections 3 and 4; Socher et al. 2013, "Recursive deep models
        for semantic compositionality over a sentiment treebank", section 4.1.
        Differs: one equation for leaves (no children) and inner nodes (no input), so that both
        have the same bias. $U$ starts near the mean of the children.
    """

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, output_size=hidden_size, max_children=2)
        self.input_map = nn.Linear(input_size, hidden_size)
        self.child_map = nn.Linear(2 * hidden_size, hidden_size, bias=False)
        add_mean_of_children(self.child_map)

    def initial_state(self, nodes: int) -> RecursiveState:
        """Return units at zero; see `TreeCell.initial_state`."""
        return RecursiveState(self.child_map.weight.new_zeros(nodes, self.output_size))

    def project(self, inputs: Float[Tensor, "nodes input"]) -> Float[Tensor, "nodes hidden"]:
        """Return $W x + b$; see `TreeCell.project`."""
        return self.input_map(inputs)

    def leaf(self, projected: Float[Tensor, "nodes hidden"]) -> RecursiveState:
        """Squash the inputs; see `TreeCell.leaf`."""
        return RecursiveState(projected.tanh())

    def step(
        self, projected: Float[Tensor, "nodes hidden"], children: RecursiveState
    ) -> RecursiveState:
        """Join two children; see `TreeCell.step`."""
        pair = children.hidden.flatten(-2)  # [nodes, 2 hidden]
        return RecursiveState((projected + self.child_map(pair)).tanh())
