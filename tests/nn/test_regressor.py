import pytest
import torch

from elman.nn import RNN, SequenceRegressor


def make(sees_input):
    torch.manual_seed(3)
    return SequenceRegressor(RNN("gru", 2, 5), 3, sees_input=sees_input).double()


@pytest.mark.parametrize("sees_input", [False, True])
def test_predictions_are_linear_in_what_the_readout_reads(sees_input):
    model = make(sees_input)
    inputs = torch.randn(7, 4, 2, dtype=torch.float64)
    predictions, state = model(inputs, model.initial_state(4))
    outputs, expected_state = model.rnn(inputs)
    read = torch.cat([outputs, inputs], -1) if sees_input else outputs
    weight, bias = model.readout.weight, model.readout.bias
    torch.testing.assert_close(predictions, read @ weight.T + bias)
    torch.testing.assert_close(state, expected_state)


def test_the_criterion_is_the_mean_square_of_what_counts():
    model = make(sees_input=False)
    features = torch.randn(6, 3, 3, dtype=torch.float64)
    targets = torch.randn_like(features)
    targets[:4, 1] = torch.nan
    lengths = torch.tensor([6, 5, 2])
    squares = [
        float(targets[t, row, k] - features[t, row, k]) ** 2
        for row, length in enumerate(lengths.tolist())
        for t in range(length)
        for k in range(3)
        if not targets[t, row, k].isnan()
    ]
    assert len(squares) == 3 * (6 + 1 + 2)
    found = model.criterion(features, targets, lengths)
    assert float(found) == pytest.approx(sum(squares) / len(squares), rel=1e-12)
    errors = model.errors(features, targets, lengths)
    assert float(errors.square().sum()) == pytest.approx(sum(squares), rel=1e-12)


def test_steps_without_a_target_have_no_gradient():
    model = make(sees_input=True)
    features = torch.randn(5, 2, 3, dtype=torch.float64, requires_grad=True)
    targets = torch.zeros(5, 2, 3, dtype=torch.float64)
    targets[2] = torch.nan
    model.criterion(features, targets).backward()
    assert features.grad is not None
    assert not features.grad[2].any()
    assert features.grad[[0, 1, 3, 4]].all()
