"""A small recurrent language model in float64, and text for it."""

import pytest
import torch
from torch import Tensor, nn

from elman.data import Batch
from elman.nn import RNN

VOCABULARY = 5


class TinyModel(nn.Module):
    """Token vectors, a recurrent layer and a softmax, in the shape learning rules expect."""

    def __init__(self, cell: str = "elman") -> None:
        super().__init__()
        self.embedding = nn.Embedding(VOCABULARY, 3)
        self.rnn = RNN(cell, 3, 4)
        self.output_map = nn.Linear(4, VOCABULARY)
        self.double()

    def initial_state(self, batch_size: int):
        return self.rnn.initial_state(batch_size)

    def forward(self, inputs: Tensor, state):
        return self.rnn(self.embedding(inputs), state)

    def criterion(self, features: Tensor, targets: Tensor, lengths: Tensor | None = None):
        losses = nn.functional.cross_entropy(
            self.output_map(features).flatten(0, 1), targets.flatten(), reduction="none"
        ).view(targets.shape)
        if lengths is None:
            return losses.mean()
        mask = torch.arange(len(targets)).unsqueeze(1) < lengths
        return losses[mask].mean()


@pytest.fixture
def make_model():
    def make(cell: str = "elman") -> TinyModel:
        torch.manual_seed(3)
        return TinyModel(cell)

    return make


@pytest.fixture
def text() -> Batch:
    ids = torch.randint(VOCABULARY, (14, 2), generator=torch.Generator().manual_seed(5))
    return Batch(ids[:-1], ids[1:], None)


@pytest.fixture
def gradients():
    """Copies of a model's gradients, zeros where there is none."""

    def copy(model: nn.Module) -> list[Tensor]:
        return [
            torch.zeros_like(p) if p.grad is None else p.grad.clone() for p in model.parameters()
        ]

    return copy
