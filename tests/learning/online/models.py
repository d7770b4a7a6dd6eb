"""Small models and batches for the rules that go forward in time."""

import torch
from torch import nn

from elman.data import Batch
from elman.nn import RNN, SequenceRegressor
from elman.tasks.language_model import LanguageModelConfig
from elman.tasks.language_model.build import build_model

VOCABULARY = 5


def shaken(model: nn.Module) -> nn.Module:
    """Move the weights off their starting point, where some are zero or the identity."""
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in model.double().parameters():
            noise = torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
            parameter.add_(noise, alpha=0.2)
    return model


def regressor(cell, *, num_layers=1):
    torch.manual_seed(0)
    return shaken(SequenceRegressor(RNN(cell, num_layers=num_layers), 2))


def language_model(**settings):
    torch.manual_seed(0)
    sizes = {"hidden_size": 4, "embedding_size": 3}
    config = LanguageModelConfig(**{**sizes, **settings})
    return shaken(build_model(config, VOCABULARY, boundary=0))


def series(steps, rows, *, lengths=None, inputs=3):
    generator = torch.Generator().manual_seed(2)
    given, wanted = (
        torch.randn(steps, rows, size, generator=generator, dtype=torch.float64)
        for size in (inputs, 2)
    )
    return Batch(given, wanted, None if lengths is None else torch.tensor(lengths))


def tokens(steps, rows):
    generator = torch.Generator().manual_seed(3)
    ids = torch.randint(VOCABULARY, (steps + 1, rows), generator=generator)
    return Batch(ids[:-1], ids[1:], None)


def cut(batch, stride):
    """The same steps in batches of a few."""
    pairs = zip(batch.inputs.split(stride), batch.targets.split(stride), strict=True)
    return [Batch(inputs, targets, None) for inputs, targets in pairs]


def frozen(model):
    return torch.optim.SGD(model.parameters(), lr=0.0)


def gradient(model):
    """All gradients in one vector, zeros where there is none."""
    parts = [torch.zeros_like(p) if p.grad is None else p.grad.clone() for p in model.parameters()]
    return torch.cat([part.flatten() for part in parts])


def gradient_of(learner, model, batch):
    """The gradient that a rule finds for whole sequences, and its loss."""
    update = learner.update(model, batch, learner.initial_state(model, batch.inputs.shape[1]))
    return gradient(model), update.loss


def gradient_of_stream(learner, model, batches):
    """The mean of the gradients that a rule finds for batches of one carried stream."""
    state, found = learner.initial_state(model, batches[0].inputs.shape[1]), []
    for batch in batches:
        state = learner.update(model, batch, state).state
        found.append(gradient(model))
    return torch.stack(found).mean(0)


def distance(found, expected):
    """Relative to the expected vector."""
    return float((found - expected).norm() / expected.norm())
