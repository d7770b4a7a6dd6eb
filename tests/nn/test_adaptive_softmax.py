import pytest
import torch
from torch import nn
from torch.func import functional_call, grad

from elman.nn.adaptive_softmax import AdaptiveSoftmax


def layer_and_data(shape=(4, 6), size=64, words=30, cutoffs=(4, 12, 20)):
    torch.manual_seed(0)
    layer = AdaptiveSoftmax(size, words, cutoffs=cutoffs).double()
    for cluster in [layer.head, *layer.clusters]:
        nn.init.normal_(cluster.bias)
    features = torch.randn(*shape, size, dtype=torch.float64, requires_grad=True)
    return layer, features, torch.randint(words, shape)


def torch_twin(layer):
    """The same weights in torch's module, which has no bias in its clusters."""
    twin = nn.AdaptiveLogSoftmaxWithLoss(64, 30, [4, 12, 20], head_bias=True).double()
    with torch.no_grad():
        twin.head.weight.copy_(layer.head.weight)
        twin.head.bias.copy_(layer.head.bias)
        parts = zip(twin.tail, layer.projections, layer.clusters, strict=True)
        for tail, projection, cluster in parts:
            tail[0].weight.copy_(projection.weight)
            tail[1].weight.copy_(cluster.weight)
            cluster.bias.zero_()
    return twin


def test_equals_torch_where_clusters_have_no_bias():
    layer, features, targets = layer_and_data()
    twin = torch_twin(layer)
    rows = features.flatten(0, 1)
    expected = twin(rows, targets.flatten())
    loss = layer.loss(features, targets)
    torch.testing.assert_close(loss, expected.loss)
    torch.testing.assert_close(layer.target_log_probs(features, targets).flatten(), expected.output)
    torch.testing.assert_close(layer.log_probs(features).flatten(0, 1), twin.log_prob(rows))
    (want,) = torch.autograd.grad(expected.loss, features)
    (found,) = torch.autograd.grad(loss, features)
    torch.testing.assert_close(found, want)


@pytest.mark.parametrize(
    ("words", "cutoffs"), [(30, (4, 12, 20)), (30, (29,)), (3, None), (50, None)]
)
def test_loss_and_scores_agree_with_the_full_distribution(words, cutoffs):
    layer, features, targets = layer_and_data(words=words, cutoffs=cutoffs)
    every_word = layer.log_probs(features)
    assert every_word.shape == (4, 6, words)
    torch.testing.assert_close(every_word.exp().sum(-1), torch.ones(4, 6, dtype=torch.float64))
    want = every_word.gather(-1, targets[..., None])[..., 0]
    torch.testing.assert_close(layer.target_log_probs(features, targets), want)
    with torch.no_grad():
        torch.testing.assert_close(layer.target_log_probs(features, targets), want)
    loss = layer.loss(features, targets)
    torch.testing.assert_close(loss, -want.mean())
    parameters = [features, *layer.parameters()]
    torch.testing.assert_close(
        torch.autograd.grad(loss, parameters, materialize_grads=True, allow_unused=True),
        torch.autograd.grad(-want.mean(), parameters),
    )


def test_masked_loss_is_the_mean_over_counted_targets():
    layer, features, targets = layer_and_data()
    mask = torch.rand(4, 6) < 0.5
    want = -layer.target_log_probs(features, targets)[mask].mean()
    torch.testing.assert_close(layer.loss(features, targets, mask), want)
    torch.testing.assert_close(
        layer.loss(features, targets, mask | True), layer.loss(features, targets)
    )
    assert layer.loss(features, targets, mask & False).isnan()


def test_function_transforms_and_compilation_give_the_same_numbers():
    layer, features, targets = layer_and_data()
    mask = torch.rand(4, 6) < 0.5
    module = Loss(layer)
    parameters = dict(module.named_parameters())
    for arguments in [(features, targets), (features, targets, mask)]:
        want = torch.autograd.grad(module(*arguments), layer.head.weight)[0]
        found = grad(lambda p, a=arguments: functional_call(module, p, a))(parameters)
        torch.testing.assert_close(found["layer.head.weight"], want)
    compiled = torch.compile(module, fullgraph=True, backend="aot_eager", dynamic=False)
    torch.testing.assert_close(compiled(features, targets, mask), module(features, targets, mask))


class Loss(nn.Module):
    def __init__(self, layer):
        super().__init__()
        self.layer = layer

    def forward(self, features, targets, mask=None):
        return self.layer.loss(features, targets, mask)


@pytest.mark.parametrize("cutoffs", [(), (0, 5), (5, 5), (7, 5), (30,), (5, 31)])
def test_cutoffs_that_make_no_clusters_are_refused(cutoffs):
    with pytest.raises(ValueError, match="rising strictly between 0 and the vocabulary size 30"):
        AdaptiveSoftmax(8, 30, cutoffs=cutoffs)
