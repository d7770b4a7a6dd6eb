"""A few tagged sentences, and taggers of every kind over them."""

import pytest
import torch

from elman.data.conll import TaggedSentence
from elman.tasks.tagging import TaggingConfig, TaggingTask, Vocabulary
from elman.tasks.tagging.hidden_markov import HiddenMarkovTagger

SENTENCES = [
    (("EU", "rejects", "German", "call"), ("B-ORG", "O", "B-MISC", "O")),
    (("Peter", "Blackburn"), ("B-PER", "I-PER")),
    (("no",), ("O",)),
    (("Peter", "left", "the", "EU", "."), ("B-PER", "O", "O", "B-ORG", "O")),
]
SIZES = {"hidden_size": 8, "embedding_size": 6, "character_size": 4, "spelling_size": 5}


@pytest.fixture
def make_task():
    """Makes a tagger with random weights, or one that is counted."""

    def make(model: str, output: str = "crf") -> TaggingTask:
        torch.manual_seed(1)
        config = TaggingConfig(model=model, output=output, **SIZES)
        counted = model == "hmm"
        vocabulary = Vocabulary.gather(SENTENCES, lowercase=not counted, size=None)
        task = TaggingTask.create(config, vocabulary)
        if counted:
            pairs = [(words, vocabulary.encode_tags(tags)) for words, tags in SENTENCES]
            allowed = vocabulary.allowed()
            task.model = HiddenMarkovTagger.fit(pairs, len(vocabulary.tags), allowed)
        return task.to(torch.device("cpu"))

    return make


@pytest.fixture
def sentences():
    """The sentences with the lines they stand in."""
    numbers = iter(range(1, 99))
    return [
        TaggedSentence(words, tags, words, tuple(next(numbers) for _ in words))
        for words, tags in SENTENCES
    ]
