import pytest
import torch
from torch import nn

from elman.reproduce.classifier import NO_TARGET
from elman.reproduce.counting import END, START, A, B, C, counts_to, encode


def test_encoding():
    (inputs, targets, _), allowed = encode([2, 1])
    assert inputs[:, 0].tolist() == [START, A, A, B, B, C, C]
    assert targets[:, 0].tolist() == [A, A, B, B, C, C, END]
    assert inputs[:4, 1].tolist() == [START, A, B, C]
    assert targets[:, 1].tolist() == [A, B, C, END, *3 * [NO_TARGET]]
    may = [[set(step.nonzero().flatten().tolist()) for step in row] for row in allowed.unbind(1)]
    assert may[0] == [{A}, {A, B}, {A, B}, {B}, {C}, {C}, {END}]
    assert may[1] == [{A}, {A, B}, {C}, {END}, set(), set(), set()]


class Counter(nn.Module):
    """Knows the language by counting, but takes every count above its limit for the limit."""

    def __init__(self, limit):
        super().__init__()
        self.limit = limit

    def initial_state(self, batch_size):
        return ()

    def forward(self, inputs, state):
        counts = [(inputs == symbol).cumsum(0).clamp(max=self.limit) for symbol in (A, B, C)]
        a, b, c = counts
        last = inputs
        logits = torch.zeros(*inputs.shape, END + 1)
        logits[..., A] = ((last == START) | (last == A)).float()
        logits[..., B] = ((last == A) | ((last == B) & (b < a))).float()
        logits[..., C] = (((last == B) & (b >= a)) | ((last == C) & (c < a))).float()
        logits[..., END] = ((last == C) & (c >= a)).float()
        return logits, ()


@pytest.mark.parametrize(("limit", "farthest", "reached"), [(7, 60, 7), (40, 60, 40), (99, 60, 60)])
def test_a_counter_counts_to_its_limit(limit, farthest, reached):
    assert counts_to(Counter(limit), farthest) == reached


def test_who_knows_nothing_counts_to_nothing():
    class Nothing(Counter):
        def forward(self, inputs, state):
            return torch.zeros(*inputs.shape, END + 1), ()

    assert counts_to(Nothing(1), 60) == 0
