"""The back end and the sentence for it."""

import pytest
import torch
from torch.autograd import forward_ad

from elman.cells import ElmanCell, GRUCell, JordanCell, LSTMCell
from elman.engine import choose, explain
from elman.nn import Dropout, LayerNorm, Zoneout

INPUTS = torch.zeros(4, 2, 3)


class OwnLSTM(LSTMCell):
    """A subclass, which may differ from the equations of the kernel."""


@pytest.mark.parametrize(
    ("cell", "sentence"),
    [
        (LSTMCell(3, 4), "fused: torch has a fused kernel for LSTMCell."),
        (JordanCell(3, 4), "eager: torch has no fused kernel for JordanCell."),
        (OwnLSTM(3, 4), "eager: torch has no fused kernel for OwnLSTM."),
        (Zoneout(LSTMCell(3, 4), 0.1), "eager: torch has no fused kernel for Zoneout."),
        (
            LayerNorm(Dropout(GRUCell(3, 4), 0.1)),
            "fused: torch has a fused kernel for GRUCell "
            "(LayerNorm, Dropout applied once around the sequence).",
        ),
    ],
)
def test_explain_says_which_and_why(cell, sentence):
    assert explain(cell, INPUTS) == sentence


def test_explain_knows_autocast():
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert "under autocast" in explain(LSTMCell(3, 4), INPUTS)
    assert explain(LSTMCell(3, 4), INPUTS).startswith("fused")


def test_explain_knows_transforms():
    cell, said = LSTMCell(3, 4), []
    torch.vmap(lambda each: said.append(explain(cell, each)) or each)(INPUTS.unsqueeze(0))
    assert said[0] == ("eager: inside a torch.func transform the fused kernels have no rule.")


def test_explain_knows_forward_mode():
    cell = ElmanCell(3, 4)
    with forward_ad.dual_level():
        assert explain(cell, INPUTS).startswith("fused")
        dual = forward_ad.make_dual(INPUTS, torch.ones_like(INPUTS))
        assert "no forward-mode derivative" in explain(cell, dual)
        hidden = forward_ad.make_dual(torch.zeros(2, 4), torch.ones(2, 4))
        assert choose(cell, INPUTS, state=(hidden,)).backend == "eager"


@pytest.mark.parametrize(
    ("lengths", "resets", "backend", "reason"),
    [
        (torch.tensor([1, 4]), None, "fused", "has a fused kernel"),
        (torch.tensor([0, 4]), None, "eager", "at least one valid step"),
        (None, torch.zeros(4, 2, dtype=torch.bool), "eager", "cannot reset rows"),
    ],
)
def test_lengths_and_resets_decide(lengths, resets, backend, reason):
    choice = choose(LSTMCell(3, 4), INPUTS, lengths, resets)
    assert choice.backend == backend
    assert reason in choice.reason
