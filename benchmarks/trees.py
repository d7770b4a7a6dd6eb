"""Recursive nets by level beside one tree at a time and one node at a time.

A training step is the gradient of 25 (or 100) trees with a label on every node: all trees by
level at once; each tree by its own levels; and each node by itself, by plain recursion, as one
writes it first. Bracketed trees are read from a file. Run with:

    python benchmarks/trees.py TREES.txt
"""

import sys
from collections.abc import Callable
from itertools import islice
from typing import Any

import torch
from interleave import compare
from torch.nn import functional as F

from elman.cells import TREE_CELLS
from elman.data import LabelledTree, Tokenizer, read_trees
from elman.state import map_state
from elman.tasks.tree import EncodedTree, TreeModel, make_batch

SIZES = {"recursive": 150, "rntn": 30, "child-sum-tree-lstm": 150, "constituency-tree-lstm": 150}
"""Hidden units of each cell, as the papers have them."""
EMBEDDING, CLASSES = 300, 5


def by_level(model: TreeModel, trees: list[EncodedTree]) -> None:
    batch = make_batch(trees)
    logits, _ = model(batch.inputs)
    F.cross_entropy(logits, batch.targets, reduction="sum").backward()


def node_by_node(model: TreeModel, encoded: EncodedTree) -> None:
    tree, cell = encoded.tree, model.cell
    children: list[list[int]] = [[] for _ in tree.parents]
    for node, parent in enumerate(tree.parents.tolist()):
        if parent >= 0:
            children[parent].append(node)
    words = iter(model.embedding(torch.from_numpy(encoded.words)).split(1))
    nothing = torch.zeros(1, cell.input_size)
    hidden = [torch.empty(0)] * len(children)

    def visit(node: int) -> Any:
        if not children[node]:
            state = cell.leaf(cell.project(next(words)))
        else:
            below = [visit(child) for child in children[node]]
            pair = map_state(lambda *parts: torch.stack(parts, dim=1), *below)
            state = cell.step(cell.project(nothing), pair)
        hidden[node] = state.hidden
        return state

    visit(0)
    logits = model.output_map(torch.cat(hidden))
    F.cross_entropy(logits, torch.from_numpy(tree.labels), reduction="sum").backward()


def contenders(model: TreeModel, trees: list[EncodedTree]) -> dict[str, Callable[[], None]]:
    return {
        "all trees by level": lambda: by_level(model, trees),
        "one tree at a time": lambda: [by_level(model, [tree]) for tree in trees] and None,
        "one node at a time": lambda: [node_by_node(model, tree) for tree in trees] and None,
    }


def run(trees: list[LabelledTree]) -> None:
    tokenizer = Tokenizer.train((" ".join(tree.words) for tree in trees), "word")
    encoded = [EncodedTree(tree, tokenizer.encode(" ".join(tree.words))) for tree in trees]
    for count in (25, 100):
        for name, cell_class in TREE_CELLS.items():
            torch.manual_seed(1)
            # The vectors are looked up and not learnt: their update costs all three the same.
            embedding = torch.nn.Embedding(tokenizer.vocabulary_size, EMBEDDING)
            embedding.requires_grad_(False)
            cell = cell_class(EMBEDDING, SIZES[name])
            model = TreeModel(embedding, cell, CLASSES, unknown=0)
            compare(
                f"{name} {SIZES[name]}, {count} trees", contenders(model, encoded[:count]), count, 8
            )


if __name__ == "__main__":
    print(f"{torch.get_num_threads()} threads")
    run(list(islice(read_trees(sys.argv[1]), 100)))
