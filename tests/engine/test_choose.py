"""The back end and the sentence for it."""

import pytest
import torch
from torch.autograd import forward_ad
from torch.utils.flop_counter import FlopCounterMode

from elman.cells import ElmanCell, GRUCell, JordanCell, LSTMCell
from elman.engine import choose, explain, unroll, unroll_eager
from elman.nn import Dropout, LayerNorm, Zoneout

INPUTS = torch.zeros(4, 2, 3)
OTHER_TYPE = "the compiler handles torch.float32, not torch.float64"


class OwnLSTM(LSTMCell):
    """A subclass, which may differ from the equations of the fused kernel."""


class Sorting(JordanCell):
    """A step that no program can hold."""

    def step(self, projected, state):
        return super().step(projected.sort(dim=-1).values, state)


@pytest.mark.parametrize(
    ("cell", "sentence"),
    [
        (LSTMCell(3, 4), "compiled: native code compiled from the step of LSTMCell."),
        (OwnLSTM(3, 4), "compiled: native code compiled from the step of OwnLSTM."),
        (
            Zoneout(LSTMCell(3, 4), 0.1),
            "compiled: native code compiled from the step of Zoneout.",
        ),
        (
            LayerNorm(Dropout(GRUCell(3, 4), 0.1)),
            "compiled: native code compiled from the step of GRUCell "
            "(LayerNorm, Dropout applied once around the sequence).",
        ),
        (
            LSTMCell(3, 4).double(),
            f"fused: torch's fused kernel for LSTMCell, because {OTHER_TYPE}.",
        ),
        (
            OwnLSTM(3, 4).double(),
            f"eager: the plain loop, because {OTHER_TYPE}; torch has no fused kernel for OwnLSTM.",
        ),
        (
            Sorting(3, 4),
            "eager: the plain loop, because its step calls aten.sort, which the compiler does "
            "not know; torch has no fused kernel for Sorting.",
        ),
    ],
)
def test_explain_says_which_and_why(cell, sentence):
    assert explain(cell, INPUTS.to(next(cell.parameters()).dtype)) == sentence


def test_explain_knows_transforms():
    cell, said = LSTMCell(3, 4), []
    torch.vmap(lambda each: said.append(explain(cell, each)) or each)(INPUTS.unsqueeze(0))
    assert said[0] == (
        "eager: the plain loop, because kernels have no rule inside a torch.func transform."
    )


def test_explain_knows_forward_mode():
    cell = ElmanCell(3, 4)
    with forward_ad.dual_level():
        assert explain(cell, INPUTS).startswith("compiled")
        dual = forward_ad.make_dual(INPUTS, torch.ones_like(INPUTS))
        assert "no forward-mode derivative" in explain(cell, dual)
        hidden = forward_ad.make_dual(torch.zeros(2, 4), torch.ones(2, 4))
        assert choose(cell, INPUTS, (hidden,)).backend == "eager"


def test_explain_knows_modes_that_watch_operations():
    cell = LSTMCell(3, 4)
    with FlopCounterMode(display=False) as counter:
        assert "a torch mode wants to see each operation" in explain(cell, INPUTS)
        unroll(cell, INPUTS)
    assert counter.get_total_flops() == 2 * 4 * 2 * 16 * (3 + 4)


def test_explain_knows_tensors_of_other_kinds():
    class Marked(torch.Tensor):
        pass

    cell, marked = LSTMCell(3, 4), torch.randn(4, 2, 3).as_subclass(Marked)
    assert "kernels take plain tensors, not Marked" in explain(cell, marked)
    outputs, _ = unroll(cell, marked)
    assert type(outputs) is Marked
    expected, _ = unroll_eager(cell, marked.as_subclass(torch.Tensor), cell.initial_state(2))
    assert torch.equal(outputs.as_subclass(torch.Tensor), expected)


@pytest.mark.parametrize(
    ("lengths", "resets", "double", "reason"),
    [
        (torch.tensor([1, 4]), None, "fused", None),
        (torch.tensor([0, 4]), None, "eager", "need at least one valid step"),
        (None, torch.zeros(4, 2, dtype=torch.bool), "eager", "cannot reset rows"),
    ],
)
def test_lengths_and_resets_decide(lengths, resets, double, reason):
    cell = LSTMCell(3, 4)
    assert choose(cell, INPUTS, cell.initial_state(2), lengths, resets).backend == "compiled"
    cell = cell.double()
    choice = choose(cell, INPUTS.double(), cell.initial_state(2), lengths, resets)
    assert choice.backend == double
    assert choice.against[0] == OTHER_TYPE
    assert reason is None or reason in choice.against[1]


def test_nothing_to_compute_is_left_to_others():
    cell = JordanCell(3, 4)
    choice = choose(cell, INPUTS[:, :0], cell.initial_state(0))
    assert choice.backend == "eager"
    assert choice.against[0] == "there is nothing to compute"
