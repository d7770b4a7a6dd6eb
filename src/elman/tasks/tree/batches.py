"""Trees as batches."""

from collections.abc import Sequence
from typing import NamedTuple, Self

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

from elman.data import LabelledTree
from elman.nn import Trees, arrange_trees


class TreeInputs(NamedTuple):
    """The words of some trees, and how the trees are built of them.

    Args:
        words: ids of the words of all trees, one after the other.
        trees: the trees.
    """

    words: Int[Tensor, " words"]
    trees: Trees


class TreeBatch(NamedTuple):
    """Some trees to learn from.

    Args:
        inputs: words and trees.
        targets: the labels of all nodes, -1 where there is none.
    """

    inputs: TreeInputs
    targets: Int[Tensor, " nodes"]

    @property
    def lengths(self) -> None:
        """Nothing: no node is padding."""

    @property
    def rows(self) -> int:
        """Trees side by side."""
        return len(self.inputs.trees.roots)

    @property
    def target_count(self) -> int:
        """Nodes that have a label."""
        return int((self.targets >= 0).sum())

    def to(self, device: torch.device) -> Self:
        """Move the tensors.

        Args:
            device: where to.

        Returns:
            The same batch there.
        """
        words, trees = self.inputs
        inputs = TreeInputs(words.to(device), trees.to(device))
        return type(self)(inputs, self.targets.to(device))


class EncodedTree(NamedTuple):
    """A tree whose words are ids.

    Args:
        tree: the tree.
        words: ids of its words.
    """

    tree: LabelledTree
    words: Int[np.ndarray, " words"]


def make_batch(trees: Sequence[EncodedTree]) -> TreeBatch:
    """Put trees together.

    Args:
        trees: at least one.

    Returns:
        The batch.
    """
    words = np.concatenate([encoded.words for encoded in trees])
    labels = np.concatenate([encoded.tree.labels for encoded in trees])
    layout = arrange_trees([encoded.tree.parents for encoded in trees])
    return TreeBatch(TreeInputs(torch.from_numpy(words), layout), torch.from_numpy(labels))
