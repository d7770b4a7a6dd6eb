"""A few labelled texts and sequences, and tasks made for them."""

import pytest
import torch

from elman.tasks.classification import ClassificationConfig, ClassificationTask
from elman.tasks.task import Batching, Sources

TEXTS = """text\tlabel
Who wrote this ?\tHUM
Who is he ?\tHUM
What city is this ?\tLOC
Where is the city ?\tLOC
How many are there ?\tNUM
How far is the Moon ?\tNUM
"""
NUMBERS = """text\tlabel
0,0 1,0 2,0\tright
0,0 -1,0 -2,0 -3,0\tleft
1,5 3,5\tright
1,5 0,5 -4,5\tleft
"""


@pytest.fixture
def texts():
    """The table of texts."""
    return TEXTS


@pytest.fixture
def make_task(tmp_path):
    """Makes a task and its data from the rows above; settings by name."""

    def make(batch_size=2, seed=1, table=None, valid=None, **settings):
        number = settings.get("unit") == "number"
        for name, text in (("train.tsv", table or (NUMBERS if number else TEXTS)),
                           ("valid.tsv", valid)):  # fmt: skip
            if text is not None:
                (tmp_path / name).write_text(text)
        small = {"hidden_size": 6, "embedding_size": 5, "dropout": 0.0, "word_dropout": 0.0}
        config = ClassificationConfig(**{**small, **settings})
        torch.manual_seed(seed)
        (tmp_path / "RUN").mkdir(exist_ok=True)
        held_out = tmp_path / ("train.tsv" if valid is None else "valid.tsv")
        sources = Sources((str(tmp_path / "train.tsv"),), str(held_out))
        batching = Batching(batch_size, 1, False, seed)
        return ClassificationTask.prepare(config, tmp_path / "RUN", sources, batching)

    return make
