import pytest
import torch

from elman.learning import BPTT


@pytest.mark.parametrize("cell", ["elman", "lstm", "jordan"])
@pytest.mark.parametrize("lengths", [None, [13, 6]])
def test_gradient_is_that_of_finite_differences(make_model, text, gradients, cell, lengths):
    model = make_model(cell)
    batch = text._replace(lengths=None if lengths is None else torch.tensor(lengths))
    learner = BPTT(torch.optim.SGD(model.parameters(), lr=0.0))
    update = learner.update(model, batch, learner.initial_state(model, 2))

    def loss() -> float:
        with torch.no_grad():
            features, _ = model(batch.inputs, model.initial_state(2))
            return float(model.criterion(features, batch.targets, batch.lengths))

    assert float(update.loss) == loss()
    for parameter, gradient in zip(model.parameters(), gradients(model), strict=True):
        for index in range(parameter.numel()):
            weight, step = parameter.data.view(-1), 1e-5
            value = float(weight[index])
            weight[index] = value + step
            above = loss()
            weight[index] = value - step
            below = loss()
            weight[index] = value
            slope = (above - below) / (2 * step)
            assert float(gradient.view(-1)[index]) == pytest.approx(slope, abs=1e-9, rel=1e-6)


def test_nothing_is_carried_between_batches(make_model, text):
    model = make_model()
    learner = BPTT(torch.optim.SGD(model.parameters(), lr=0.0))
    first = learner.update(model, text, learner.initial_state(model, 2))
    second = learner.update(model, text, first.state)
    assert float(first.loss) == float(second.loss)
    assert first.metrics == second.metrics
