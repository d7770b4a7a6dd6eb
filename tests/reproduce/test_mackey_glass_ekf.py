import numpy as np
import pytest
import torch

from elman.nn import RNN, SequenceRegressor
from elman.reproduce import find_experiment
from elman.reproduce.mackey_glass_ekf import INTERVAL, go_on, streams


def test_streams_hold_each_value_once_in_steps_of_the_interval():
    cut = streams(torch.arange(10 * 2 * INTERVAL + 5), 2)
    assert cut.shape == (10, 2 * INTERVAL, 1)
    assert (cut.diff(dim=0) == INTERVAL).all()
    assert torch.equal(cut.flatten().sort().values, torch.arange(10 * 2 * INTERVAL))


def test_the_net_goes_on_with_its_own_predictions():
    torch.manual_seed(1)
    model = SequenceRegressor(RNN("elman", 1, 4), 1, sees_input=True).double()
    told = torch.rand(5, 3, 1, dtype=torch.float64)
    sequence = told
    for _ in range(4):
        with torch.no_grad():
            outputs, _ = model(sequence, model.initial_state(3))
        sequence = torch.cat([sequence, outputs[-1:]])
    torch.testing.assert_close(go_on(model, told, 4), sequence[-1], rtol=1e-12, atol=1e-12)


@pytest.mark.slow
def test_both_networks_reach_the_papers_numbers():
    experiment = find_experiment("mackey-glass-ekf")
    values = experiment.run(1)
    assert all(row.reached(values[row.name]) is not False for row in experiment.rows)
    assert np.isfinite(list(values.values())).all()
