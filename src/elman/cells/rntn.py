"""The recursive neural tensor network."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from elman.cells.recursive import RecursiveState, add_mean_of_children
from elman.cells.tree import TreeCell


class RNTNCell(TreeCell[RecursiveState]):
    r"""Recursive neural tensor network: two children also multiply each other.

    $$ h = \tanh\left(W x + U z + z^\top V^{[1:d]} z + b\right), \quad z = [h_1; h_2] $$

    where slice $k$ of the tensor, $V^{[k]}$, gives unit $k$. It holds $4 d^3$ numbers: some tens
    of units are usual.

    Args:
        input_size: features of each input vector.
        hidden_size: units of each node, $d$.

    Raises:
        ValueError: if a size is below 1.

    Reference:
        Socher et al. 2013, "Recursive deep models for semantic compositionality over a sentiment
        treebank", section 4.3.
        Differs: leaves are tanh of a learnt map of their inputs, as in `RecursiveCell`, not word
        vectors as they are; with a bias. $U$ starts near the mean of the children.
    """

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, output_size=hidden_size, max_children=2)
        self.input_map = nn.Linear(input_size, hidden_size)
        self.child_map = nn.Linear(2 * hidden_size, hidden_size, bias=False)
        add_mean_of_children(self.child_map)
        self.tensor = nn.Parameter(torch.empty(hidden_size, 2 * hidden_size, 2 * hidden_size))
        nn.init.uniform_(self.tensor, -0.25 / hidden_size, 0.25 / hidden_size)

    def initial_state(self, nodes: int) -> RecursiveState:
        """Return units at zero; see `TreeCell.initial_state`."""
        return RecursiveState(self.tensor.new_zeros(nodes, self.output_size))

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
        z = children.hidden.flatten(-2)  # [nodes, 2 hidden]
        once = (z @ self.tensor.flatten(0, 1).T).unflatten(-1, self.tensor.shape[:2])
        products = (once * z.unsqueeze(-2)).sum(dim=-1)  # z^T V^[k] z for each unit k
        return RecursiveState((projected + self.child_map(z) + products).tanh())
