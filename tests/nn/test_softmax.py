import copy

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.autograd import forward_ad, gradcheck, gradgradcheck
from torch.func import functional_call, grad, jvp, vmap

from elman.nn import linear_cross_entropy as fused
from elman.nn.softmax import FullSoftmax


def layer_and_data(rows=7, size=5, words=11, dtype=torch.float64, scale=1.0):
    torch.manual_seed(0)
    layer = FullSoftmax(size, words).to(dtype)
    nn.init.normal_(layer.weight, std=scale)
    nn.init.normal_(layer.bias)
    features = torch.randn(rows, size, dtype=dtype, requires_grad=True)
    return layer, features, torch.randint(words, (rows,))


def definition(layer, features, targets):
    return F.cross_entropy(F.linear(features, layer.weight, layer.bias), targets)


def gradients(loss, layer, features):
    return torch.autograd.grad(loss, [features, layer.weight, layer.bias])


@pytest.fixture(autouse=True)
def fuse_small_batches(monkeypatch):
    monkeypatch.setattr(fused, "MINIMUM_LOGITS", 1)


@pytest.fixture(params=[1, 3, 10**6], ids=["rows one by one", "three rows", "all rows"])
def chunk_rows(request, monkeypatch):
    monkeypatch.setattr(fused, "BUFFER_BYTES", 0)
    monkeypatch.setattr(fused, "MINIMUM_ROWS", request.param)
    monkeypatch.setattr(fused, "_spare_buffers", {})


@pytest.mark.usefixtures("chunk_rows")
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-12), (torch.float32, 2e-6)])
@pytest.mark.parametrize("words", [1, 11, 1000])
def test_loss_and_gradients_equal_the_definition(dtype, tolerance, words):
    layer, features, targets = layer_and_data(words=words, dtype=dtype)
    loss = layer.loss(features, targets)
    expected = definition(layer, features, targets)
    torch.testing.assert_close(loss, expected, atol=tolerance, rtol=tolerance)
    pairs = zip(gradients(loss, layer, features), gradients(expected, layer, features), strict=True)
    for found, want in pairs:
        torch.testing.assert_close(found, want, atol=tolerance, rtol=tolerance)


@pytest.mark.usefixtures("chunk_rows")
def test_loss_equals_softmax_written_out():
    layer, features, targets = layer_and_data()
    scores = (features @ layer.weight.T + layer.bias).exp()
    probs = scores / scores.sum(1, keepdim=True)
    expected = -sum(probs[row, word].log() for row, word in enumerate(targets)) / len(targets)
    torch.testing.assert_close(layer.loss(features, targets), expected)
    with torch.no_grad():
        torch.testing.assert_close(layer.loss(features, targets), expected)
        torch.testing.assert_close(layer.log_probs(features), probs.log())
        found = layer.target_log_probs(features, targets)
    torch.testing.assert_close(found, probs.log()[range(7), targets])


@pytest.mark.usefixtures("chunk_rows")
def test_first_and_second_derivatives_by_finite_differences():
    layer, features, targets = layer_and_data(rows=4, size=3, words=5)
    inputs = (features, layer.weight, layer.bias)

    def loss(features, weight, bias):
        return fused.linear_cross_entropy(features, targets[:4], weight, bias)

    assert gradcheck(loss, inputs)
    assert gradgradcheck(loss, inputs)


def test_gradient_penalty_trains_through_the_gradient():
    layer, features, targets = layer_and_data()

    def penalty(loss):
        (gradient,) = torch.autograd.grad(3 * loss, features, create_graph=True)
        return torch.autograd.grad(gradient.square().sum(), layer.weight)[0]

    torch.testing.assert_close(
        penalty(layer.loss(features, targets)), penalty(definition(layer, features, targets))
    )


def test_upstream_gradient_and_repeated_backward():
    layer, features, targets = layer_and_data()
    want = gradients(-2.5 * definition(layer, features, targets), layer, features)
    loss = -2.5 * layer.loss(features, targets)
    inputs = [features, layer.weight, layer.bias]
    for _ in range(2):
        found = torch.autograd.grad(loss, inputs, retain_graph=True)
        torch.testing.assert_close(found, want)


def test_batched_upstream_gradients():
    layer, features, targets = layer_and_data()
    (want,) = torch.autograd.grad(definition(layer, features, targets), layer.weight)
    scales = torch.tensor([1.0, -2.0], dtype=torch.float64)
    (found,) = torch.autograd.grad(
        layer.loss(features, targets), layer.weight, scales, is_grads_batched=True
    )
    torch.testing.assert_close(found, torch.stack([want, -2 * want]))


@pytest.mark.parametrize("frozen", ["features", "weight", "bias"])
def test_frozen_inputs_get_no_gradient(frozen):
    layer, features, targets = layer_and_data()
    inputs = {"features": features, "weight": layer.weight, "bias": layer.bias}
    inputs.pop(frozen).requires_grad_(False)
    want = torch.autograd.grad(definition(layer, features, targets), list(inputs.values()))
    found = torch.autograd.grad(layer.loss(features, targets), list(inputs.values()))
    torch.testing.assert_close(found, want)


def test_weight_gradient_is_not_copied(monkeypatch):
    layer, features, targets = layer_and_data()
    made = []
    compute = fused._loss_and_gradients

    def spy(*arguments):
        loss, gradients = compute(*arguments)
        made.append(gradients[2].data_ptr())
        return loss, gradients

    monkeypatch.setattr(fused, "_loss_and_gradients", spy)
    layer.loss(features, targets).backward()
    assert made == [layer.weight.grad.data_ptr()]


def test_gradients_accumulate_over_backward_passes():
    layer, features, targets = layer_and_data()
    want = gradients(2 * definition(layer, features, targets), layer, features)
    for _ in range(2):
        layer.loss(features, targets).backward()
    torch.testing.assert_close((features.grad, layer.weight.grad, layer.bias.grad), want)


@pytest.mark.usefixtures("chunk_rows")
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_improbable_targets_keep_finite_loss(dtype):
    layer, features, targets = layer_and_data(dtype=dtype, scale=300.0)
    loss = layer.loss(features, targets)
    assert loss > 100
    torch.testing.assert_close(loss, definition(layer, features, targets))
    with torch.no_grad():
        torch.testing.assert_close(layer.loss(features, targets), loss)


def test_no_gradient_work_without_gradients(monkeypatch):
    layer, features, targets = layer_and_data()
    want = layer.loss(features, targets).detach()
    monkeypatch.setattr(fused, "_loss_and_gradients", None)
    with torch.no_grad():
        torch.testing.assert_close(layer.loss(features, targets), want)


@pytest.mark.parametrize("shape", [(7,), (2, 4), (2, 1, 3)])
@pytest.mark.parametrize("counted", ["some", "all"])
def test_masked_loss_is_the_mean_over_counted_targets(shape, counted):
    layer, _, _ = layer_and_data()
    features = torch.randn(*shape, 5, dtype=torch.float64, requires_grad=True)
    targets = torch.randint(11, shape)
    mask = torch.rand(shape) < 0.6 if counted == "some" else torch.ones(shape, dtype=torch.bool)
    mask.flatten()[0] = True
    loss = layer.loss(features, targets, mask)
    expected = -layer.log_probs(features)[mask].gather(1, targets[mask][:, None]).mean()
    torch.testing.assert_close(loss, expected)
    torch.testing.assert_close(
        gradients(loss, layer, features), gradients(expected, layer, features)
    )
    log_probs = layer.target_log_probs(features, targets)
    assert log_probs.shape == shape
    torch.testing.assert_close(-log_probs[mask].mean(), expected)


def test_nothing_to_count_gives_nan():
    layer, features, targets = layer_and_data()
    assert layer.loss(features, targets, torch.zeros(7, dtype=torch.bool)).isnan()
    assert layer.loss(features[:0], targets[:0]).isnan()
    assert layer.target_log_probs(features[:0], targets[:0]).shape == (0,)


def test_target_outside_the_vocabulary_is_refused():
    layer, features, targets = layer_and_data()
    with pytest.raises((IndexError, RuntimeError), match="out of bounds"):
        layer.loss(features, targets + 11)
    with torch.no_grad(), pytest.raises((IndexError, RuntimeError), match="out of bounds"):
        layer.loss(features, targets + 11)


def test_function_transforms_give_the_same_numbers():
    layer, features, targets = layer_and_data()
    parameters = dict(layer.named_parameters())
    mask = torch.tensor([True, False, True, True, False, True, True])

    def loss(parameters, features, targets, mask=None):
        rows = FunctionalLoss(layer)
        names = {f"layer.{name}": value for name, value in parameters.items()}
        return functional_call(rows, names, (features, targets, mask))

    want = torch.autograd.grad(definition(layer, features, targets), list(parameters.values()))
    found = grad(loss)(parameters, features, targets)
    torch.testing.assert_close(tuple(found[name] for name in parameters), want)
    rows = vmap(loss, (None, 0, 0))(parameters, features[:, None], targets[:, None])
    torch.testing.assert_close(rows, -layer.target_log_probs(features, targets))
    masked = grad(loss)(parameters, features, targets, mask)["weight"]
    want = torch.autograd.grad(layer.loss(features, targets, mask), layer.weight)[0]
    torch.testing.assert_close(masked, want)


class FunctionalLoss(nn.Module):
    def __init__(self, layer):
        super().__init__()
        self.layer = layer

    def forward(self, features, targets, mask=None):
        return self.layer.loss(features, targets, mask)


def test_forward_mode_derivative():
    layer, features, targets = layer_and_data()
    direction = torch.randn_like(features)
    want = (
        torch.autograd.grad(definition(layer, features, targets), features)[0] * direction
    ).sum()
    _, found = jvp(lambda x: layer.loss(x, targets), (features,), (direction,))
    torch.testing.assert_close(found, want)
    with forward_ad.dual_level():
        dual = forward_ad.make_dual(features, direction)
        found = forward_ad.unpack_dual(layer.loss(dual, targets)).tangent
    torch.testing.assert_close(found, want)


def test_compiled_loss_is_one_graph():
    layer, features, targets = layer_and_data()
    compiled = torch.compile(
        FunctionalLoss(layer), fullgraph=True, backend="aot_eager", dynamic=False
    )
    loss = compiled(features, targets)
    torch.testing.assert_close(loss, layer.loss(features, targets))
    torch.testing.assert_close(
        gradients(loss, layer, features),
        gradients(definition(layer, features, targets), layer, features),
    )


def test_lower_precision_runs_the_definition():
    layer, features, targets = layer_and_data(dtype=torch.bfloat16)
    loss = layer.loss(features, targets)
    assert loss.dtype == torch.bfloat16
    torch.testing.assert_close(loss, definition(layer, features, targets))
    layer, features, targets = layer_and_data(dtype=torch.float32)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        torch.testing.assert_close(
            layer.loss(features, targets), definition(layer, features, targets)
        )


def test_buffer_made_in_inference_mode_serves_training(monkeypatch):
    monkeypatch.setattr(fused, "_spare_buffers", {})
    layer, features, targets = layer_and_data()
    with torch.inference_mode():
        want = layer.loss(features, targets).item()
    loss = layer.loss(features, targets)
    loss.backward()
    assert loss.item() == pytest.approx(want)


def test_small_batches_run_the_definition(monkeypatch):
    monkeypatch.undo()
    monkeypatch.setattr(fused, "_loss_and_gradients", None)
    layer, features, targets = layer_and_data()
    assert layer.loss(features, targets) == definition(layer, features, targets)


def test_tied_weight_is_one_parameter():
    embedding = nn.Embedding(11, 5)
    layer = FullSoftmax(5, 11, weight=embedding.weight)
    assert layer.weight is embedding.weight
    targets = torch.tensor([1, 4, 4])
    layer.loss(embedding(targets), targets).backward()
    found = embedding.weight.grad
    alone = copy.deepcopy(embedding.weight.detach()).requires_grad_()
    F.cross_entropy(F.linear(alone[targets], alone, layer.bias), targets).backward()
    torch.testing.assert_close(found, alone.grad)
    with pytest.raises(ValueError, match=r"expects weight \[11, 6\]"):
        FullSoftmax(6, 11, weight=embedding.weight)
