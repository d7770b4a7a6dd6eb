"""A recursive network that classifies every node of a tree."""

from typing import Any

from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from elman.cells import TreeCell
from elman.nn import unroll_trees
from elman.nn.word_dropout import drop_words
from elman.tasks.tree.batches import TreeInputs


class TreeModel(nn.Module):
    r"""Word vectors, a tree cell, and a softmax over the labels of each node.

    $$ P(y_j \mid \text{subtree } j) = \mathrm{softmax}(W h_j + b) $$

    Args:
        embedding: vectors of the words.
        cell: the tree cell.
        classes: labels to tell apart.
        unknown: the id of unknown words.
        dropout: share of a node's units dropped before it is classified.
        input_dropout: share of the word vectors' numbers dropped.
        word_dropout: share of the words taken for unknown.

    Reference:
        Socher et al. 2013, "Recursive deep models for semantic compositionality over a sentiment
        treebank", section 4; Tai, Socher & Manning 2015, section 4.1.
    """

    def __init__(
        self,
        embedding: nn.Embedding,
        cell: TreeCell[Any],
        classes: int,
        *,
        unknown: int,
        dropout: float = 0.0,
        input_dropout: float = 0.0,
        word_dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.embedding = embedding
        self.cell = cell
        self.output_map = nn.Linear(cell.output_size, classes)
        self.unknown = unknown
        self.dropout = dropout
        self.input_dropout = input_dropout
        self.word_dropout = word_dropout

    def initial_state(self, batch_size: int) -> tuple[()]:
        """Return nothing, for nothing is carried from batch to batch.

        Args:
            batch_size: trees of the batch.
        """
        return ()

    def forward(
        self, inputs: TreeInputs, state: tuple[()] = ()
    ) -> tuple[Float[Tensor, "nodes classes"], tuple[()]]:
        """Classify every node.

        Args:
            inputs: the trees and their words.
            state: nothing.

        Returns:
            Logits `[nodes, classes]`, in the order in which the trees were given, and nothing.
        """
        words = drop_words(inputs.words, self.word_dropout, self.unknown, training=self.training)
        vectors = F.dropout(self.embedding(words), self.input_dropout, self.training)
        hidden = next(iter(unroll_trees(self.cell, vectors, inputs.trees)))
        return self.output_map(F.dropout(hidden, self.dropout, self.training)), state

    def criterion(
        self,
        features: Float[Tensor, "nodes classes"],
        targets: Int[Tensor, " nodes"],
        lengths: None = None,
    ) -> Float[Tensor, ""]:
        """Return the mean cross-entropy of the nodes that have a label.

        Args:
            features: logits.
            targets: labels, -1 where there is none.
            lengths: nothing.

        Returns:
            Nats a node.
        """
        return F.cross_entropy(features, targets, ignore_index=-1)
