import numpy as np
import torch

from elman.cells import ElmanCell
from elman.reproduce.vanishing_gradients import CELLS, INPUTS, STEPS, build, gradient_norms, run


def test_the_norm_by_lag_of_a_linear_chain_is_a_power():
    cell = build("elman")
    assert isinstance(cell, ElmanCell)
    with torch.no_grad():
        for parameter in cell.parameters():
            parameter.zero_()
        # So small that tanh is the identity: a gradient shrinks by 0.5 a step.
        cell.input_map.weight.copy_(1e-6 * torch.eye(64, INPUTS))
        cell.recurrent_map.weight.copy_(0.5 * torch.eye(64))
    torch.manual_seed(1)
    norms = gradient_norms(cell)
    assert norms.shape == (STEPS,)
    np.testing.assert_allclose(norms / norms[0], 0.5 ** np.arange(STEPS), rtol=1e-8)


def test_gradients_vanish_in_the_order_the_theory_says():
    values = run(1)
    assert list(values) == list(CELLS)
    assert values["elman"] < values["gru"] < values["lstm"] < values["irnn"] < 0
    assert values["elman, large weights"] > 0
    assert values["lstm"] < values["clockwork"] < 0
