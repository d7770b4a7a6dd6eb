import math

import pytest
import torch
from torch import nn

from elman.cells import ElmanCell
from elman.nn import RNN
from elman.reproduce.classifier import (
    NO_TARGET,
    SequenceClassifier,
    SymbolPredictor,
    knows_successors,
)


@pytest.fixture
def predictor():
    torch.manual_seed(3)
    return SymbolPredictor(ElmanCell(4, 5))


def test_symbols_enter_as_ones_among_zeros(predictor):
    symbols = torch.randint(4, (6, 2))
    logits, state = predictor(symbols, predictor.initial_state(2))
    (cell,) = predictor.rnn.layers[0]
    hidden = torch.zeros(2, 5)
    for step in range(6):
        columns = cell.input_map.weight[:, symbols[step]].T  # the product with a one-hot vector
        hidden = torch.tanh(columns + cell.input_map.bias + cell.recurrent_map(hidden))
        torch.testing.assert_close(logits[step], predictor.readout(hidden))
    torch.testing.assert_close(state[0][0].hidden, hidden)


def test_the_criterion_is_the_mean_over_targets():
    model = SequenceClassifier(RNN(ElmanCell(2, 3)), 3)
    logits = torch.randn(4, 2, 3, generator=torch.Generator().manual_seed(1))
    targets = torch.tensor([[0, NO_TARGET], [NO_TARGET, 2], [1, 1], [NO_TARGET, NO_TARGET]])
    losses = []
    for step in range(4):
        for row in range(2):
            if (target := int(targets[step, row])) != NO_TARGET:
                scores = logits[step, row].tolist()
                losses.append(math.log(sum(map(math.exp, scores))) - scores[target])
    assert float(model.criterion(logits, targets)) == pytest.approx(sum(losses) / len(losses))


class Fixed(nn.Module):
    """Gives logits whatever it reads."""

    def __init__(self, logits):
        super().__init__()
        self.logits = logits

    def initial_state(self, batch_size):
        return ()

    def forward(self, inputs, state):
        return self.logits, ()


def test_successors_are_known_if_all_allowed_stand_above_all_others():
    generator = torch.Generator().manual_seed(2)
    logits = torch.randn(3, 400, 3, generator=generator)
    allowed = torch.rand(3, 400, 3, generator=generator) < 0.6
    expected = []
    for row in range(400):
        right = True
        for step in range(3):
            inside = logits[step, row][allowed[step, row]].tolist()
            outside = logits[step, row][~allowed[step, row]].tolist()
            right &= all(one > other for one in inside for other in outside)
        expected.append(right)
    known = knows_successors(Fixed(logits), torch.zeros(3, 400, dtype=torch.long), allowed)
    assert known.tolist() == expected
    assert 20 < sum(expected) < 380
