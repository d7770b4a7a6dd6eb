"""The contract of a cell that runs over trees: its leaves, and its step from children to parent."""

from abc import abstractmethod
from typing import Any, Generic, TypeVar

from torch import Tensor, nn

StateT = TypeVar("StateT")


class TreeCell(nn.Module, Generic[StateT]):
    """One node of a recursive network: from the states of its children to its own.

    A cell knows no tree: `project` holds all work that needs no children, so that it is done once
    for all nodes; `leaf` and `step` do the rest, for many nodes at once. The first part of a
    state is what is read of a node, `output_size` features wide. A child that is not there has
    the initial state, so that a chain is a tree whose nodes have one child.

    Args:
        input_size: features of each input vector, at least 1.
        output_size: features that are read of each node, at least 1.
        max_children: children a node may have, at least 1; any number if None.

    Raises:
        ValueError: if a number is below 1.
    """

    def __init__(self, input_size: int, output_size: int, max_children: int | None = None) -> None:
        super().__init__()
        numbers = {"input_size": input_size, "output_size": output_size}
        for name, number in (numbers | {"max_children": max_children}).items():
            if number is not None and number < 1:
                raise ValueError(f"{type(self).__name__}: {name} must be at least 1, got {number}.")
        self.input_size = input_size
        self.output_size = output_size
        self.max_children = max_children

    @abstractmethod
    def initial_state(self, nodes: int) -> StateT:
        """Return the state that stands for children that are not there.

        Args:
            nodes: how many.

        Returns:
            A NamedTuple of `[nodes, ...]` tensors on the device and in the type of the weights.
        """

    @abstractmethod
    def project(self, inputs: Tensor) -> Any:
        """Do all the work that needs no children.

        Args:
            inputs: `[nodes, input]`; zero for nodes that have no input of their own.

        Returns:
            A tensor, or a NamedTuple of tensors, whose first axis is the nodes.
        """

    @abstractmethod
    def leaf(self, projected: Any) -> StateT:
        """Return the states of nodes without children, as `step` from absent children would.

        Args:
            projected: what `project` returned for the nodes.

        Returns:
            Their states, `[nodes, ...]`.
        """

    @abstractmethod
    def step(self, projected: Any, children: StateT) -> StateT:
        """Go one level up.

        Args:
            projected: what `project` returned for the nodes.
            children: the states of their children, `[nodes, children, ...]`; they are not
                changed. There are `max_children` of them if the cell has such a number.

        Returns:
            The states of the nodes, `[nodes, ...]`.
        """
