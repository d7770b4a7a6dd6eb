"""A few labelled trees, and a task made for them."""

import pytest
import torch

from elman.data import parse_tree
from elman.tasks.task import Batching, Sources
from elman.tasks.tree import TreeConfig, TreeTask

LINES = [
    "(4 (2 a) (4 (4 lovely) (2 Film)))",
    "(1 (2 no) (1 (2 one) (1 (1 cared) (2 .))))",
    "(2 so)",
    "(3 (2 it) (3 (3 works) (? .)))",
    "(0 (0 awful) (2 .))",
    "(2 (2 (2 one) (2 film)) (2 .))",
]


@pytest.fixture
def lines():
    """Bracketed trees, one a line."""
    return list(LINES)


@pytest.fixture
def make_task(tmp_path):
    """Makes a task and its data from the lines; settings by name."""

    def make(batch_size=2, seed=1, **settings):
        path = tmp_path / "trees.txt"
        path.write_text("\n".join(LINES) + "\n")
        torch.manual_seed(seed)
        config = TreeConfig(**{"hidden_size": 6, "embedding_size": 5, **settings})
        (tmp_path / "RUN").mkdir(exist_ok=True)
        sources = Sources((str(path),), str(path))
        batching = Batching(batch_size, 1, False, seed)
        return TreeTask.prepare(config, tmp_path / "RUN", sources, batching)

    return make


@pytest.fixture
def encoded(lines):
    """Encodes some lines for a task."""

    def encode(task, some=None):
        return [task.encode(parse_tree(text, "here")) for text in (some or lines)]

    return encode
