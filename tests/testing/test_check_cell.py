"""The checks pass a cell of one's own, and fail each cell that breaks a law, by its name."""

import subprocess
import sys
from typing import NamedTuple

import pytest
import torch
from torch import nn

from elman.cells import Cell, ElmanCell, ElmanState
from elman.testing import CELL_CHECKS, check_cell, parametrize_cells

CHECKS = {check.__name__.removeprefix("check_"): check for check in CELL_CHECKS}


class LeakyState(NamedTuple):
    units: torch.Tensor
    steps: torch.Tensor  # a clock, not a floating-point number


class LeakyCell(Cell[LeakyState]):
    """A user's cell: leaky units whose leak is learnt, with a clock and a projection of two."""

    def __init__(self, input_size, units):
        super().__init__(input_size, output_size=units)
        self.weight = nn.Parameter(torch.randn(units, input_size))
        self.leak = nn.Parameter(torch.zeros(units))

    def initial_state(self, batch_size):
        clock = torch.zeros(batch_size, dtype=torch.long, device=self.weight.device)
        return LeakyState(self.weight.new_zeros(batch_size, self.output_size), clock)

    def project(self, inputs):
        drive = inputs @ self.weight.T
        return drive, drive.sigmoid()

    def step(self, projected, state):
        drive, gate = projected
        slow = (state.steps % 2 == 0).unsqueeze(-1)
        leak = torch.where(slow, self.leak.sigmoid(), 0.5)
        units = (1 - leak) * state.units + leak * drive
        return units * gate, LeakyState(units, state.steps + 1)


class NoWeights(Cell[ElmanState]):
    """A cell with nothing to learn: the running sum of its inputs."""

    def __init__(self, input_size):
        super().__init__(input_size, output_size=input_size)

    def initial_state(self, batch_size):
        return ElmanState(torch.zeros(batch_size, self.output_size, dtype=torch.float64))

    def project(self, inputs):
        return inputs

    def step(self, projected, state):
        hidden = projected + state.hidden
        return hidden, ElmanState(hidden)


class HalfFrozen(ElmanCell):
    """A cell whose recurrence is not learnt."""

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.recurrent_map.weight.requires_grad_(False)


@parametrize_cells({"leaky": lambda: LeakyCell(3, 4), "frozen": lambda: HalfFrozen(3, 4)})
def test_a_users_cell_passes(make, check):
    check(make)


def test_check_cell_runs_every_check():
    check_cell(lambda: LeakyCell(2, 2))
    seen = []
    check_cell(lambda: LeakyCell(2, 2), checks=[seen.append, seen.append])
    assert len(seen) == 2


class Broken(ElmanCell):
    """A right cell, from which each class below departs in one respect."""

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)


class ChangesState(Broken):
    def step(self, projected, state):
        output, after = super().step(projected, state)
        state.hidden.data.mul_(0.5)
        return output, after


class MixesRows(Broken):
    def step(self, projected, state):
        output, after = super().step(projected, state)
        return output + output.mean(0), after


class MixesRowsInProjection(Broken):
    def project(self, inputs):
        return super().project(inputs - inputs.mean(-2, keepdim=True))


class LeaksNaN(Broken):
    def step(self, projected, state):
        output, after = super().step(projected, state)
        return output + 0 * output.sum(), after


class WrongOutputSize(Broken):
    def step(self, projected, state):
        output, after = super().step(projected, state)
        return output[:, 1:], after


class WrongType(Broken):
    def initial_state(self, batch_size):
        return ElmanState(torch.zeros(batch_size, self.output_size, dtype=torch.float32))


class OtherState(Broken):
    def step(self, projected, state):
        output, after = super().step(projected, state)
        return output, tuple(after)


class SumsOverTime(Broken):
    def project(self, inputs):
        projected = super().project(inputs)
        return projected - projected.mean(0) if projected.dim() == 3 else projected


class WrongGradient(Broken):
    def step(self, projected, state):
        return super().step(projected, ElmanState(state.hidden.detach()))


class FirstStateIsSpecial(Broken):
    """Its initial state is learnt, but only used by the first call."""

    def initial_state(self, batch_size):
        zeros = super().initial_state(batch_size).hidden
        self.calls = getattr(self, "calls", 0) + 1
        return ElmanState(zeros + self.calls)


class Remembers(Broken):
    """Keeps its state in the module, beside the state it is given."""

    def step(self, projected, state):
        output, after = super().step(projected, state)
        self.count = getattr(self, "count", 0) + 1
        return output * self.count, after


class BranchesOnValues(Broken):
    def step(self, projected, state):
        output, after = super().step(projected, state)
        return (output if output.sum() > 1e9 else output * 1), after


class OneSidedSine(torch.autograd.Function):
    """A sine without a forward-mode derivative and with a wrong second one."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.sin()

    @staticmethod
    def backward(ctx, gradient):
        return gradient * ctx.saved_tensors[0].detach().cos()


class NoForwardMode(Broken):
    def step(self, projected, state):
        output, after = super().step(projected, state)
        return OneSidedSine.apply(output), after


class KeepsItsWeight(Broken):
    """Reads its weights where functional_call cannot put others."""

    def step(self, projected, state):
        self.__dict__.setdefault("kept", self.recurrent_map.weight)
        hidden = (projected + state.hidden @ self.__dict__["kept"].T).tanh()
        return hidden, ElmanState(hidden)


class SharesOnCopy(Broken):
    def __deepcopy__(self, memo):
        return self


class ForgetsWeight(Broken):
    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.gain = torch.rand((), dtype=torch.float64)

    def step(self, projected, state):
        output, after = super().step(projected, state)
        return output * self.gain, after


class SharesWeights(Broken):
    def __init__(self, input_size, hidden_size, recurrent=None):
        super().__init__(input_size, hidden_size)
        self.recurrent_map = self.recurrent_map if recurrent is None else recurrent

    def resized(self, input_size):
        return SharesWeights(input_size, self.output_size, self.recurrent_map)


class ForgetsSettings(Broken):
    def resized(self, input_size):
        return ForgetsSettings(input_size, self.output_size + 1)


class OwnRandomness(Broken):
    """Draws from a generator that the seed does not reach."""

    def step(self, projected, state):
        output, after = super().step(projected, state)
        self.draws = getattr(self, "draws", 0) + self.training
        return output + self.draws, after


class NoisyInEvaluation(Broken):
    def step(self, projected, state):
        output, after = super().step(projected, state)
        return output + torch.rand_like(output), after


BROKEN = [
    (WrongOutputSize, "shapes", "output of a step must be"),
    (OtherState, "shapes", "return a state of the structure"),
    (WrongType, "initial_state_follows_weights", "in the type of the weights"),
    (SumsOverTime, "projection", "Projecting a sequence"),
    (SumsOverTime, "steps", "Unrolling must equal"),
    (SumsOverTime, "lengths", "Lengths must act"),
    (SumsOverTime, "reverse", "Reversed unrolling"),
    (MixesRows, "rows", "what it gives alone"),
    (MixesRows, "resets", "reset must make"),
    (MixesRowsInProjection, "rows", "what it gives alone"),
    (LeaksNaN, "nan", "NaN must stay"),
    (ChangesState, "nothing_changed", "must not change"),
    (WrongGradient, "step_gradient", "derivatives of a step"),
    (WrongGradient, "unroll_gradient", "derivatives of unrolling"),
    (FirstStateIsSpecial, "resets", "reset must make"),
    (Remembers, "steps", "Unrolling must equal"),
    (Remembers, "back_end", "eager definition"),
    (BranchesOnValues, "compile", "must trace"),
    (BranchesOnValues, "vmap", "vmap over unroll"),
    (NoForwardMode, "jvp", "must be the transpose"),
    (NoForwardMode, "unroll_gradient", "second derivatives"),
    (KeepsItsWeight, "functional_call", "with other parameters"),
    (SharesOnCopy, "copies", "its own weights"),
    (ForgetsWeight, "save_and_load", "loads the saved state_dict"),
    (SharesWeights, "resized", "new weights"),
    (ForgetsSettings, "resized", "same class, settings"),
    (OwnRandomness, "seed", "seed must determine"),
    (NoisyInEvaluation, "seed", "In evaluation"),
]


@pytest.mark.parametrize(
    ("cell", "check", "law"), BROKEN, ids=[f"{cell.__name__}-{check}" for cell, check, _ in BROKEN]
)
def test_a_broken_cell_fails(cell, check, law):
    with pytest.raises(AssertionError, match=law):
        CHECKS[check](lambda: cell(3, 4))


def test_the_cell_that_the_broken_ones_depart_from_passes():
    check_cell(lambda: Broken(3, 4))


def test_a_cell_without_weights_passes():
    # Its state is float64 as it has no weights to follow, so it cannot run in float32.
    checks = [check for name, check in CHECKS.items() if name != "shapes"]
    check_cell(lambda: NoWeights(3), checks=checks)


def test_importing_the_checks_does_not_import_pytest():
    code = "import sys, elman.testing; sys.exit('pytest' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
