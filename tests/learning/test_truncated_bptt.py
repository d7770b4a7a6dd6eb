import pytest
import torch

from elman.data import Batch
from elman.learning import BPTT, TruncatedBPTT
from elman.state import detach, tensors


def cut(text, stride):
    return [
        Batch(text.inputs[start : start + stride], text.targets[start : start + stride], None)
        for start in range(0, len(text.inputs), stride)
    ]


def frozen(model):
    return torch.optim.SGD(model.parameters(), lr=0.0)


def by_brute_force(model, text, start, stride, horizon):
    """Loss of k1 steps, its graph cut k2 steps before their end; the text may end earlier."""
    first, stop = max(0, start + stride - horizon), min(start + stride, len(text.inputs))
    state, outputs = model.initial_state(2), []
    for step in range(stop):
        if step == first:
            state = detach(state)
        output, state = model(text.inputs[step : step + 1], state)
        outputs.append(output)
    return model.criterion(torch.cat(outputs[start:stop]), text.targets[start:stop])


@pytest.mark.parametrize("cell", ["elman", "lstm", "jordan"])
@pytest.mark.parametrize(
    ("stride", "horizon"),
    [(1, 1), (1, 3), (1, 13), (2, 3), (2, 5), (3, 3), (3, 7), (4, 6), (5, 40), (13, 13)],
)
def test_each_update_has_the_gradient_of_its_window(
    make_model, text, gradients, cell, stride, horizon
):
    model = make_model(cell)
    learner = TruncatedBPTT(frozen(model), horizon=horizon)
    state = learner.initial_state(model, 2)
    for index, batch in enumerate(cut(text, stride)):
        update = learner.update(model, batch, state)
        state = update.state
        found = gradients(model)
        loss = by_brute_force(model, text, index * stride, stride, horizon)
        expected = torch.autograd.grad(loss, list(model.parameters()), allow_unused=True)
        assert float(update.loss) == pytest.approx(float(loss.detach()), rel=1e-12)
        for own, brute in zip(found, expected, strict=True):
            torch.testing.assert_close(own, torch.zeros_like(own) if brute is None else brute)


def test_one_window_over_all_is_full_bptt_exactly(make_model, text, gradients):
    model = make_model("lstm")
    full = BPTT(frozen(model))
    full.update(model, text, full.initial_state(model, 2))
    expected = gradients(model)
    truncated = TruncatedBPTT(frozen(model), horizon=len(text.inputs))
    truncated.update(model, text, truncated.initial_state(model, 2))
    for own, exact in zip(gradients(model), expected, strict=True):
        assert torch.equal(own, exact)


def test_a_longer_horizon_changes_the_gradient(make_model, text, gradients):
    """Else the comparisons above could not tell a right horizon from a wrong one."""
    model = make_model()
    found = []
    for horizon in (2, 3):
        learner = TruncatedBPTT(frozen(model), horizon=horizon)
        state = learner.initial_state(model, 2)
        for batch in cut(text, 2)[:3]:
            state = learner.update(model, batch, state).state
        found.append(torch.cat([g.flatten() for g in gradients(model)]))
    assert (found[0] - found[1]).abs().max() > 1e-4


def test_the_past_is_run_again_with_the_present_weights(make_model, text):
    model = make_model()
    learner = TruncatedBPTT(torch.optim.SGD(model.parameters(), lr=0.5), horizon=6)
    state = learner.initial_state(model, 2)
    first, second = cut(text, 3)[:2]
    state = learner.update(model, first, state).state
    features, _ = model(text.inputs[:6], model.initial_state(2))
    expected = model.criterion(features[3:], second.targets)
    assert float(learner.update(model, second, state).loss) == pytest.approx(
        float(expected.detach())
    )


def test_what_is_carried_has_no_history(make_model, text):
    model = make_model("lstm")
    learner = TruncatedBPTT(frozen(model), horizon=5)
    state = learner.initial_state(model, 2)
    for batch in cut(text, 2):
        state = learner.update(model, batch, state).state
        assert len(state.inputs) <= 4
        assert not any(part.requires_grad for part in tensors(state))


def test_a_stride_beyond_the_horizon_is_refused(make_model, text):
    model = make_model()
    learner = TruncatedBPTT(frozen(model), horizon=12)
    with pytest.raises(ValueError, match="13 steps is longer than the horizon of 12"):
        learner.update(model, text, learner.initial_state(model, 2))
