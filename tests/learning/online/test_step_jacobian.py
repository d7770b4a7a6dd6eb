"""Jacobians from few backward passes are those from as many as there are units."""

import pytest
import torch
from torch.autograd.functional import jacobian

from elman.cells import CELLS
from elman.learning.online.dependence import find_dependence
from elman.learning.online.step_jacobian import StepJacobian
from elman.learning.online.transition import Transition
from learning.online.models import regressor, series

PASSES = {
    # By the state, then by the weights, then by weights of all units, if there are any.
    "elman": [4, 1],
    "gru": [4, 1],
    "lstm": [8, 2],
    "min-gru": [1],
    "lru": [2, 1],
    "cho-gru": [4, 1],
}


@pytest.mark.parametrize("name", PASSES)
def test_entries_are_those_of_the_whole_jacobian(name):
    model, batch = regressor(CELLS[name](3, 4)), series(4, 2)
    transition = Transition(model, batch.inputs)
    found = StepJacobian(transition, find_dependence(transition, batch.inputs))
    assert sorted((len(group.seeds) for group in found.groups), reverse=True) == PASSES[name]
    states = torch.randn(2, transition.state_size, dtype=torch.float64)
    values = found(batch.inputs[3], states)
    present = transition.present()
    for row in range(2):

        def step(state, *weights):
            given = dict(zip(present, weights, strict=True))
            return transition(given, batch.inputs[3, row : row + 1], state)[0]  # noqa: B023

        by_state, *by_weights = jacobian(step, (states[row : row + 1], *present.values()))
        torch.testing.assert_close(values[row, found.link_places], by_state[:, 0])
        whole = torch.cat([part.flatten(1) for part in by_weights], dim=1)
        torch.testing.assert_close(values[row, found.places], whole[found.units, found.columns])
        whole[found.units, found.columns] = 0
        assert not whole.any()
