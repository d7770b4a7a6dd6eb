"""A translation learnt in a moment."""

import pytest
import torch

from elman.learning import BPTT
from elman.tasks.task import Batching, Sources
from elman.tasks.translation import TranslationConfig, TranslationTask

WORDS = {"eins": "one", "zwei": "two", "drei": "three", "vier": "four"}


def sentences():
    """All sentences of two words and a mark, and some of three."""
    for first in WORDS:
        for second in WORDS:
            yield [first, second]
            yield [first, second, first]


@pytest.fixture(scope="session")
def learn(tmp_path_factory):
    """Makes a task, and trains it for some epochs, on sentences whose words are translated."""

    def call(epochs=0, **options):
        folder = tmp_path_factory.mktemp("run")
        lines = [
            f"{' '.join(words)}!\t{' '.join(WORDS[word] for word in words)}!"
            for words in sentences()
        ]
        data = folder / "data.tsv"
        data.write_text("\n".join(lines) + "\n")
        settings = {"unit": "word", "hidden_size": 24, "embedding_size": 16, "dropout": 0.0}
        torch.manual_seed(1)
        config = TranslationConfig(**{**settings, **options})
        batching = Batching(8, 64, False, 1)
        task, batches = TranslationTask.prepare(config, folder, Sources((str(data),)), batching)
        learner = BPTT(torch.optim.Adam(task.model.parameters(), lr=0.02), clip=1.0)
        for epoch in range(epochs):
            task.model.train()
            for batch in batches.batches(epoch):
                learner.update(task.model, batch, ())
        task.model.eval()
        return task, batches, folder

    return call


@pytest.fixture(scope="session")
def learnt(learn):
    """A task that knows its sentences by heart."""
    return learn(40)
