"""Small language models of every kind, in float64."""

import numpy as np
import pytest
import torch

from elman.cells import CELLS
from elman.data import Tokenizer
from elman.tasks.language_model import LanguageModelConfig, LanguageModelTask
from elman.tasks.language_model.build import build_model
from elman.tasks.language_model.ngram import NGramLanguageModel

VOCABULARY = 7
SMALL = {"hidden_size": 6, "embedding_size": 6, "heads": 1, "memory": 4, "order": 4}
VARIANTS = {
    **{cell: {"cell": cell} for cell in CELLS},
    "two layers": {"num_layers": 2},
    "dropout": {"num_layers": 2, "dropout": 0.4},
    "variational": {"num_layers": 2, "dropout": 0.4, "variational": True},
    "zoneout": {"num_layers": 2, "zoneout": 0.3},
    "layer norm": {"num_layers": 2, "layer_norm": True},
    "residual": {"num_layers": 2, "residual": True},
    "all wrappers": {
        "cell": "gru",
        "dropout": 0.2,
        "zoneout": 0.1,
        "layer_norm": True,
        "residual": True,
    },
    "one-hot": {"input": "one-hot"},
    "tie": {"tie": True},
    "tie narrowed": {"tie": True, "embedding_size": 4, "num_layers": 2},
    "adaptive": {"softmax": "adaptive"},
    "mlp": {"model": "mlp", "num_layers": 2},
    "mlp of one token": {"model": "mlp", "order": 2},
    "mlp tied": {"model": "mlp", "tie": True, "embedding_size": 4},
    "transformer": {"model": "transformer", "num_layers": 2, "hidden_size": 8, "heads": 2},
    "transformer tied": {"model": "transformer", "tie": True, "dropout": 0.1},
    "transformer adaptive": {"model": "transformer", "softmax": "adaptive"},
    "ngram": {"model": "ngram"},
    "unigram": {"model": "ngram", "order": 1},
}


def make_model(name: str):
    config = LanguageModelConfig(**{**SMALL, **VARIANTS[name]})
    if config.model == "ngram":
        tokens = np.random.default_rng(1).integers(0, VOCABULARY, 400)
        return NGramLanguageModel.fit(
            tokens, order=config.order, vocabulary_size=VOCABULARY, boundary=0
        )
    torch.manual_seed(2)
    model = build_model(config, VOCABULARY, 0).double()
    for parameter in model.parameters():  # no zero biases, which would hide what they do
        torch.nn.init.normal_(parameter, std=0.5)
    return model.eval()


@pytest.fixture(params=list(VARIANTS))
def model(request):
    """Each kind of language model in turn."""
    return make_model(request.param)


@pytest.fixture(params=[name for name in VARIANTS if "gram" not in name])
def neural_model(request):
    """Each kind that is trained by gradients, in turn."""
    return make_model(request.param)


@pytest.fixture
def ids():
    """Three rows of eleven tokens."""
    return torch.randint(VOCABULARY, (11, 3), generator=torch.Generator().manual_seed(4))


@pytest.fixture(params=["char", "word"])
def task(request):
    """An untrained recurrent model over a small text."""
    unit = request.param
    tokenizer = Tokenizer.train(["the cat sat", "on the mat", "a cat"], unit)
    torch.manual_seed(1)
    made = LanguageModelTask.create(
        LanguageModelConfig(unit=unit, hidden_size=6, embedding_size=5), tokenizer
    )
    for parameter in made.model.parameters():
        torch.nn.init.normal_(parameter, std=0.7)
    made.model.eval()
    return made
