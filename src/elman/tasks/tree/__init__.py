"""Labelled trees: a recursive network that classifies every node."""

from elman.tasks.tree.batches import EncodedTree, TreeBatch, TreeInputs, make_batch
from elman.tasks.tree.config import TreeConfig
from elman.tasks.tree.data import TreeData, classify, measure
from elman.tasks.tree.model import TreeModel
from elman.tasks.tree.task import TreeTask

__all__ = [
    "EncodedTree",
    "TreeBatch",
    "TreeConfig",
    "TreeData",
    "TreeInputs",
    "TreeModel",
    "TreeTask",
    "classify",
    "make_batch",
    "measure",
]
