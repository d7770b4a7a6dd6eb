"""What every task knows of words, against the rows of its embedding."""

import pytest
import torch

from elman.data import Tokenizer
from elman.errors import ConfigError
from elman.tasks.language_model import LanguageModelConfig, LanguageModelTask
from elman.tasks.tagging import TaggingConfig, TaggingTask
from elman.tasks.tagging.vocabulary import Vocabulary
from elman.tasks.tree import TreeConfig, TreeTask

LINE = "Peter saw a film a film"


@pytest.fixture
def tokenizer():
    return Tokenizer.train([LINE], "word")


def rows_of(vectors, embedding):
    return [int((embedding.weight == vector).all(dim=1).nonzero()) for vector in vectors]


@pytest.mark.parametrize("model", ["rnn", "mlp", "transformer"])
def test_language_models_have_a_vector_of_each_word(tokenizer, model):
    config = LanguageModelConfig(unit="word", model=model, hidden_size=8, order=3)
    task = LanguageModelTask.create(config, tokenizer)
    words, vectors = task.word_vectors()
    assert set(words) == {"Peter", "saw", "a", "film", "<unk>", "<eos>"}
    places = rows_of(vectors, task.model.embedding)
    assert [tokenizer.token(place) for place in places] == list(words)


@pytest.mark.parametrize(
    "settings", [{"unit": "char"}, {"unit": "word", "input": "one-hot"}, {"model": "ngram"}]
)
def test_models_without_vectors_of_words_say_so(settings):
    unit = settings.get("unit", "char")
    config = LanguageModelConfig(**{"hidden_size": 8, **settings})
    task = LanguageModelTask.create(config, Tokenizer.train([LINE], unit))
    with pytest.raises(ConfigError, match="this lm run has no vectors of words"):
        task.word_vectors()


def test_taggers_have_a_vector_of_each_word():
    sentences = [(LINE.split(), ["A", "B", "C", "D", "C", "D"])]
    vocabulary = Vocabulary.gather(sentences, lowercase=True, size=None)
    task = TaggingTask.create(TaggingConfig(), vocabulary)
    words, vectors = task.word_vectors()
    assert set(words) == {"peter", "saw", "a", "film"}
    ids = vocabulary.encode_words(words, spelling=False)[:, 0]
    assert rows_of(vectors, task.model.embedding) == ids.tolist()
    counted = TaggingTask.create(TaggingConfig(model="hmm"), vocabulary)
    with pytest.raises(ConfigError, match="this tag run has no vectors of words"):
        counted.word_vectors()


def test_trees_have_a_vector_of_each_word(tokenizer):
    torch.manual_seed(1)
    task = TreeTask(TreeConfig(), tokenizer)
    words, vectors = task.word_vectors()
    places = rows_of(vectors, task.model.embedding)
    assert [tokenizer.token(place) for place in places] == list(words)
