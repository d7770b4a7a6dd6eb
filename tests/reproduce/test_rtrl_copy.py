from itertools import islice

import pytest
import torch
from torch import nn

from elman.reproduce import rtrl_copy
from elman.reproduce.copying import CopyTask
from elman.reproduce.rtrl_copy import STRIDE, TASK, share_copied, stream


def test_a_stream_is_one_sequence_after_the_other():
    pieces = list(islice(stream(TASK, 3, torch.Generator().manual_seed(1)), 14))
    assert {len(piece.inputs) for piece in pieces} == {STRIDE}
    generator = torch.Generator().manual_seed(1)
    whole = [TASK.batch(3, generator) for _ in range(2)]
    for name in ("inputs", "targets"):
        joined = torch.cat([getattr(piece, name) for piece in pieces])
        assert torch.equal(joined, torch.cat([getattr(batch, name) for batch in whole]))


class Delay(nn.Module):
    """Answers with what it read some steps before, from any time on; its state is the past."""

    def __init__(self, steps):
        super().__init__()
        self.steps = steps

    def initial_state(self, batch_size):
        return torch.zeros(self.steps, batch_size, dtype=torch.long)

    def forward(self, inputs, state):
        past = torch.cat([state, inputs])
        return nn.functional.one_hot(past[: len(inputs)], TASK.alphabet).float(), past[
            len(inputs) :
        ]


def test_a_delay_of_the_right_length_copies_all():
    task = CopyTask(gap=8, copied=3, kinds=2)
    generator = torch.Generator().manual_seed(1)
    assert share_copied(Delay(task.gap + task.copied), task, generator) == 1
    assert share_copied(Delay(2), task, generator) == pytest.approx(0.5, abs=0.05)


def test_both_rules_run_from_the_same_weights(monkeypatch):
    monkeypatch.setattr(rtrl_copy, "UPDATES", 1)
    shares = rtrl_copy.run(1)
    assert set(shares) == {row.name for row in rtrl_copy.EXPERIMENT.rows}
    # The first update reaches back over nothing but itself, with either rule.
    assert shares["rtrl"] == shares["tbptt(2, 4)"]
