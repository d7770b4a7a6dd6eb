"""Labelled trees as a task: prepared from brackets, saved, measured, answered."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain, islice
from pathlib import Path
from typing import Any, ClassVar, Self, cast

import numpy as np
from jaxtyping import Float
from torch import Tensor, nn

from elman.cells import find_tree_cell
from elman.data import LabelledTree, Tokenizer, parse_tree, read_trees
from elman.data.trees import CLASSES, two_labels, write_tree
from elman.errors import DataError
from elman.metrics import SentimentSummary
from elman.tasks.held_out import hold_out
from elman.tasks.task import Batching, Sources, Task, WordVectors
from elman.tasks.tree.batches import EncodedTree, TreeBatch
from elman.tasks.tree.config import TreeConfig
from elman.tasks.tree.data import TREES_AT_ONCE, TreeData, classify, measure
from elman.tasks.tree.model import TreeModel
from elman.tasks.word_vectors import read_fitting_vectors, with_random_rest

INITIAL_SPREAD = 0.1
"""Standard deviation of the numbers in word vectors that are not given."""


class TreeTask(Task):
    """A recursive network with its vocabulary.

    Args:
        config: the settings.
        tokenizer: the words it knows.
        vectors: start of the word vectors, `[vocab, embed]`; random if None.
    """

    kind: ClassVar[str] = "tree"
    config_class: ClassVar[type] = TreeConfig

    def __init__(
        self, config: TreeConfig, tokenizer: Tokenizer, vectors: Tensor | None = None
    ) -> None:
        super().__init__(config)
        self.tokenizer = tokenizer
        self.model = _build_model(config, tokenizer, vectors)

    @classmethod
    def prepare(
        cls, config: TreeConfig, folder: Path, sources: Sources, batching: Batching
    ) -> tuple[Self, TreeData]:
        """Read trees; see `Task.prepare`."""
        train = list(chain.from_iterable(map(read_trees, sources.train)))
        if sources.valid is not None:
            valid = list(read_trees(sources.valid))
        else:
            train, valid = hold_out(train, "tree")
        lines = (_spelling(config, tree) for tree in train)
        tokenizer = Tokenizer.train(lines, "word", config.vocabulary_size)
        task = cls(config, tokenizer, _vectors(config, tokenizer))
        task.save(folder)
        learnt, held_out = ([task.encode(tree) for tree in trees] for trees in (train, valid))
        for trees, purpose in ((learnt, "to learn from"), (held_out, "to measure on")):
            if not any((encoded.tree.labels >= 0).any() for encoded in trees):
                wanted = "from 0 to 4" if config.labels == "five" else "other than neutral"
                raise DataError(f"no node of the trees {purpose} has a label {wanted}.")
        return task, TreeData(learnt, held_out, batching.batch_size, batching.seed)

    @classmethod
    def load(cls, config: TreeConfig, folder: Path) -> Self:
        """Rebuild from a run folder; see `Task.load`."""
        return cls(config, Tokenizer.load(folder / "tokenizer.json"))

    def save(self, folder: Path) -> None:
        """Write the vocabulary; see `Task.save`."""
        self.tokenizer.save(folder / "tokenizer.json")

    def encode(self, tree: LabelledTree) -> EncodedTree:
        """Look up the words of a tree.

        Args:
            tree: the tree.

        Returns:
            The tree with the ids of its words.

        Raises:
            DataError: if a node has more children than the cell joins.
        """
        joined = self.model.cell.max_children
        most = int(np.bincount(tree.parents + 1).max())  # the root, whose parent is -1, is one
        if joined is not None and most > joined:
            raise DataError(
                f"the tree of {' '.join(tree.words[:5])!r} ... has a node with {most} children, "
                f"and the cell joins {joined}: take --cell child-sum-tree-lstm."
            )
        if self.config.labels == "two":
            tree = two_labels(tree)
        return EncodedTree(tree, self.tokenizer.encode(_spelling(self.config, tree)))

    @contextmanager
    def reading(self, file: str) -> Iterator[list[EncodedTree]]:
        """Read labelled trees while the block runs.

        Args:
            file: a file of bracketed trees, or `-` for standard input.

        Yields:
            The trees.

        Raises:
            DataError: if the file cannot be read, or holds no tree.
        """
        yield [self.encode(tree) for tree in read_trees(file)]

    def evaluate(self, trees: Sequence[EncodedTree]) -> SentimentSummary:
        """Measure the model on labelled trees; see `sentiment_summary`.

        Args:
            trees: the trees.

        Returns:
            Loss and accuracies.
        """
        return measure(self.model, trees, self.device)

    def word_vectors(self) -> WordVectors:
        """Return the learned vectors; see `Task.word_vectors`."""
        words = [self.tokenizer.token(id) for id in range(self.tokenizer.vocabulary_size)]
        return WordVectors(words, self.model.embedding.weight)

    def predict(self, inputs: Iterable[str], where: str) -> Iterator[dict[str, Any]]:
        """Label the nodes of trees; see `Task.predict`."""
        numbered = ((text, f"{where} {number}") for number, text in enumerate(inputs, 1))
        given = (pair for pair in numbered if pair[0].strip())
        while some := list(islice(given, TREES_AT_ONCE)):
            trees = [self.encode(parse_tree(text, place)) for text, place in some]
            ((log_probs, batch),) = classify(self.model, trees, self.device)
            texts = [text.strip() for text, _ in some]
            yield from _answers(texts, trees, log_probs.exp(), batch)


def _answers(
    texts: Sequence[str],
    trees: Sequence[EncodedTree],
    probabilities: Float[Tensor, "nodes classes"],
    batch: TreeBatch,
) -> Iterator[dict[str, Any]]:
    sizes = [len(encoded.tree.parents) for encoded in trees]
    roots = batch.inputs.trees.roots.tolist()
    labels = probabilities.argmax(dim=1).split(sizes)
    for text, encoded, root, found in zip(texts, trees, roots, labels, strict=True):
        of_root = probabilities[root]
        yield {
            "input": text,
            "output": int(of_root.argmax()),
            "score": float(of_root.max()),
            "probabilities": of_root.tolist(),
            "tree": write_tree(encoded.tree, found.tolist()),
        }


def _build_model(config: TreeConfig, tokenizer: Tokenizer, vectors: Tensor | None) -> TreeModel:
    embedding = nn.Embedding(tokenizer.vocabulary_size, config.embedding_size)
    # Small: what words mean must come from what is learnt, not from where they start.
    nn.init.normal_(embedding.weight, std=INITIAL_SPREAD)
    if vectors is not None:
        embedding.weight.data.copy_(vectors)
    return TreeModel(
        embedding,
        find_tree_cell(config.cell)(config.embedding_size, config.hidden_size),
        CLASSES if config.labels == "five" else 2,
        unknown=cast(int, tokenizer.unknown),  # words always have one
        dropout=config.dropout,
        input_dropout=config.input_dropout,
        word_dropout=config.word_dropout,
    )


def _spelling(config: TreeConfig, tree: LabelledTree) -> str:
    text = " ".join(tree.words)
    return text.lower() if config.lowercase else text


def _vectors(config: TreeConfig, tokenizer: Tokenizer) -> Tensor | None:
    """Read word vectors; words without one keep a random start of the same spread."""
    if config.vectors is None:
        return None
    found = read_fitting_vectors(config.vectors, tokenizer, config.embedding_size)
    return with_random_rest(*found)
