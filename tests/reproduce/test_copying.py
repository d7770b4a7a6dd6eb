import math

import pytest
import torch
import torch.nn.functional as F

from elman.cells import GRUCell, LSTMCell
from elman.reproduce.copying import TASK, CopyTask, ring, slow_gates


def test_a_batch_repeats_its_symbols_after_the_gap():
    task = CopyTask(gap=4, copied=3, kinds=2)
    inputs, targets, lengths = task.batch(50, torch.Generator().manual_seed(1))
    blank, request = 2, 3
    assert lengths is None
    assert task.alphabet == 4
    for row in range(50):
        symbols = inputs[:3, row].tolist()
        assert set(symbols) <= {0, 1}
        assert inputs[3:, row].tolist() == [blank] * 3 + [request] + [blank] * 3
        assert targets[:, row].tolist() == [blank] * 7 + symbols
    assert len({tuple(inputs[:3, row].tolist()) for row in range(50)}) == 8


def test_the_floor_is_the_loss_of_blanks_and_guesses():
    targets = CopyTask(gap=5, copied=3, kinds=4).batch(7, torch.Generator().manual_seed(1)).targets
    log_probs = torch.full((*targets.shape, 6), -math.inf)
    log_probs[:-3, :, 4] = 0.0
    log_probs[-3:, :, :4] = math.log(1 / 4)
    loss = F.nll_loss(log_probs.flatten(0, 1), targets.flatten())
    assert CopyTask(gap=5, copied=3, kinds=4).floor == pytest.approx(float(loss))
    assert TASK.floor == pytest.approx(10 * math.log(8) / 120)


def test_slow_gates_remember_for_up_to_the_steps():
    lstm = slow_gates(LSTMCell(3, 500), 120)
    i, f, *_ = lstm.input_map.bias.detach().chunk(4)
    torch.testing.assert_close(i, -f)
    # A gate of bias log(k) keeps a unit for about 1 / (1 - sigmoid(log k)) = k + 1 steps.
    steps = 1 / (1 - f.double().sigmoid())
    assert 2 <= steps.min() < 10
    assert 110 < steps.max() <= 120
    _, z, _ = slow_gates(GRUCell(3, 500), 120).input_map.bias.detach().chunk(3)
    assert math.log(119) >= float(z.max()) > float(z.min()) >= 0


def test_a_ring_keeps_its_units():
    cell = ring(3, 0.99)
    state = cell.initial_state(1)._replace(real=torch.ones(1, 128))
    for _ in range(10):
        _, state = cell.step(cell.project(torch.zeros(1, 3)), state)
    moduli = (torch.hypot(*state) ** 0.1).detach()
    assert float(moduli.min()) == pytest.approx(0.99, abs=1e-3)
    assert 0.999 < float(moduli.max()) < 1
