"""Tiny filling tasks on a small text."""

import pytest
import torch

from elman.tasks.filling import FillingConfig, FillingTask
from elman.tasks.task import Batching, Sources

LINES = [
    "the cat sat on the mat",
    "the dog sat on the rug",
    "",
    "a dog ran to the red door",
    "stop",
    "a cat ran to the blue door",
]
BATCHING = Batching(batch_size=2, unroll=8, carried=False, seed=1)


@pytest.fixture
def lines():
    return list(LINES)


@pytest.fixture
def make_task(tmp_path):
    """Prepares a task on the small text, measured on itself."""

    def make(**settings):
        path = tmp_path / "text.txt"
        path.write_text("\n".join(LINES) + "\n")
        torch.manual_seed(1)
        config = FillingConfig(**{"hidden_size": 6, "embedding_size": 5, **settings})
        folder = tmp_path / "RUN"
        folder.mkdir(exist_ok=True)
        task, data = FillingTask.prepare(config, folder, Sources((str(path),), str(path)), BATCHING)
        return task.to(torch.device("cpu")), data

    return make
