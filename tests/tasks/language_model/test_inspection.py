import numpy as np
import pytest
import torch

from elman.nn.jacobian import recurrent_jacobian
from elman.tasks.language_model.inspection import (
    WINDOWS,
    cut_windows,
    gradient_by_lag,
    jacobians,
    loss_by_position,
    unit_activations,
)


def test_gradient_by_lag_is_that_of_autograd(task):
    windows = np.array([[1, 2, 3], [3, 0, 1]])
    found = gradient_by_lag(task.model, windows)
    network, norms = task.model.network, []
    for first, second, target in windows:
        vectors = network.embedding.weight[[int(first), int(second)]].detach()
        one, two = vectors[0][None].requires_grad_(), vectors[1][None].requires_grad_()
        _, state = network.rnn.step(one, network.rnn.initial_state(1))
        features, _ = network.rnn.step(two, state)
        loss = -task.model.softmax.log_probs(features)[0, int(target)]
        norms.append([float(g.norm()) for g in torch.autograd.grad(loss, [two, one])])
    np.testing.assert_allclose(found, np.mean(norms, axis=0), rtol=1e-5)


def test_gradient_by_lag_leaves_no_gradient_and_no_hook_behind(task):
    gradient_by_lag(task.model, np.array([[1, 2, 3]]))
    assert all(parameter.grad is None for parameter in task.model.parameters())
    assert not task.model.embedding._forward_hooks


def test_gradient_by_lag_of_other_models(neural_model):
    found = gradient_by_lag(neural_model, np.array([[1, 2, 3, 0, 1], [2, 2, 0, 1, 3]]))
    assert found.shape == (4,)
    assert found[0] > 0


def test_loss_by_position_is_the_mean_of_scores(task):
    ids = task.tokenizer.encode("the cat sat on the mat a cat the mat on a")[:10]
    windows = np.stack([ids[:4], ids[3:7], ids[5:9]])
    found = loss_by_position(task.model, windows, task.tokenizer.boundary)
    scored = task.score([task.tokenizer.decode(row) for row in windows])
    expected = np.mean([[-t["log_probability"] for t in tokens[:4]] for _, tokens in scored], 0)
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_unit_activations_are_the_outputs_of_the_network(task):
    ids = task.tokenizer.encode("the cat sat")
    seen = unit_activations(task.model, task.tokenizer, ids, 3)
    inputs = torch.from_numpy(ids).unsqueeze(1)
    features, _ = task.model(inputs, task.model.initial_state(1))
    np.testing.assert_allclose(
        seen.activations, features[:, 0].detach().numpy()[:, seen.units], atol=1e-6
    )
    assert len(set(seen.units)) == 3
    assert len(seen.tokens) == len(ids)


@pytest.mark.parametrize(("tokens", "length"), [(10, 10), (10, 3), (1000, 7), (5, 1)])
def test_windows_cover_the_text_from_its_start_to_its_end(tokens, length):
    windows = cut_windows(np.arange(tokens), length)
    assert windows.shape[1] == length
    assert len(windows) == min(WINDOWS, tokens // length)
    assert windows[0, 0] == 0
    assert len(windows) == 1 or windows[-1, -1] == tokens - 1
    assert np.all(np.diff(windows, axis=1) == 1)


def test_jacobians_are_those_of_the_states_met_in_the_text(task):
    ids = task.tokenizer.encode("the cat sat")
    found = jacobians(task.model, ids, count=3)
    assert found.steps == [0, round((len(ids) - 1) / 2), len(ids) - 1]
    state = task.model.initial_state(1)
    for step, token in enumerate(torch.from_numpy(ids.astype(np.int64))):
        if step == found.steps[1]:
            jacobian = recurrent_jacobian(task.model, token.view(1, 1), state)
            singular = np.linalg.svd(jacobian.double().numpy(), compute_uv=False)
            np.testing.assert_allclose(found.singular_values[1], singular, rtol=1e-4, atol=1e-6)
        _, state = task.model(token.view(1, 1), state)
