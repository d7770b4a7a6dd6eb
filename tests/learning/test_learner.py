import math

import pytest
import torch
from torch import nn

from elman.learning import BPTT


@pytest.mark.parametrize("clip", [1e-3, 0.1, 1e6])
def test_clipping_is_that_of_torch(make_model, text, gradients, clip):
    model = make_model("lstm")
    plain = BPTT(torch.optim.SGD(model.parameters(), lr=0.0))
    norm = plain.update(model, text, ()).metrics["gradient_norm"]
    expected_norm = nn.utils.clip_grad_norm_(model.parameters(), clip)
    expected = gradients(model)
    clipped = BPTT(torch.optim.SGD(model.parameters(), lr=0.0), clip=clip)
    # The norm reported is the one before clipping.
    assert clipped.update(model, text, ()).metrics["gradient_norm"] == norm
    assert norm == pytest.approx(float(expected_norm), rel=1e-12)
    for own, torchs in zip(gradients(model), expected, strict=True):
        # torch divides by the norm + 1e-6.
        torch.testing.assert_close(own, torchs, rtol=1e-5, atol=1e-12)
    after = math.sqrt(sum(float((g**2).sum()) for g in gradients(model)))
    assert after == pytest.approx(min(norm, clip), rel=1e-9)


def test_the_gradient_of_an_earlier_update_does_not_linger(make_model, text):
    model = make_model()
    learner = BPTT(torch.optim.SGD(model.parameters(), lr=0.0))
    norms = [learner.update(model, text, ()).metrics["gradient_norm"] for _ in range(3)]
    assert norms[0] == norms[1] == norms[2]


def test_a_gradient_that_is_not_finite_leaves_the_weights_as_they_are(make_model, text):
    model = make_model()
    model.output_map.bias.data[0] = math.nan
    before = [p.clone() for p in model.parameters()]
    learner = BPTT(torch.optim.SGD(model.parameters(), lr=0.1), clip=1.0)
    update = learner.update(model, text, ())
    assert not math.isfinite(update.metrics["gradient_norm"])
    for parameter, kept in zip(model.parameters(), before, strict=True):
        assert torch.equal(parameter.nan_to_num(7.0), kept.nan_to_num(7.0))


def test_the_launcher_runs_the_backward_pass(make_model, text, gradients):
    model = make_model()
    seen = []

    def backward(loss):
        seen.append(float(loss.detach()))
        (2 * loss).backward()

    plain = BPTT(torch.optim.SGD(model.parameters(), lr=0.0))
    plain.update(model, text, ())
    expected = gradients(model)
    scaled = BPTT(torch.optim.SGD(model.parameters(), lr=0.0), backward=backward)
    update = scaled.update(model, text, ())
    assert seen == [float(update.loss)]
    for own, half in zip(gradients(model), expected, strict=True):
        torch.testing.assert_close(own, 2 * half)
