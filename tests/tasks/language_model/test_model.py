import copy

import pytest
import torch

from elman.engine import step_function
from elman.engine.native.step import CompiledStep
from elman.state import map_state, select
from elman.tasks.language_model import LanguageModelConfig
from elman.tasks.language_model import model as model_module
from elman.tasks.language_model.build import build_model

BOUNDARY = 0


def inputs_of(ids):
    """The tokens read before each of `ids`."""
    return torch.cat([torch.full_like(ids[:1], BOUNDARY), ids[:-1]])


def scores(model, ids):
    with torch.no_grad():
        return model.target_log_probs(inputs_of(ids), ids, model.initial_state(ids.shape[1]))


def stepped(step, model, ids):
    """Distributions of each next token, read one after another."""
    state, found = model.initial_state(ids.shape[1]), []
    with torch.no_grad():
        for tokens in inputs_of(ids):
            log_probs, state = step(tokens, state)
            found.append(log_probs)
    return torch.stack(found)


def test_a_sequence_scores_as_its_steps(model, ids):
    whole, _ = scores(model, ids)
    steps = stepped(model.step, model, ids)
    torch.testing.assert_close(
        whole, steps.gather(-1, ids.unsqueeze(-1)).squeeze(-1), rtol=1e-9, atol=1e-9
    )


def test_a_prepared_step_gives_the_numbers_of_step(model, ids):
    torch.testing.assert_close(
        stepped(model.stream(), model, ids), stepped(model.step, model, ids), rtol=1e-9, atol=1e-9
    )


@pytest.mark.parametrize(
    "neural_model",
    ["lstm", "clockwork", "two layers", "all wrappers", "one-hot", "tie narrowed", "adaptive"],
    indirect=True,
)
def test_a_prepared_step_in_float32_is_native_code(neural_model, ids, monkeypatch):
    prepared = []

    def recorded(*arguments):
        prepared.append(step_function(*arguments))
        return prepared[-1]

    monkeypatch.setattr(model_module, "step_function", recorded)
    model = copy.deepcopy(neural_model).float()
    step = model.stream()
    assert isinstance(prepared[0], CompiledStep)
    found, expected = stepped(step, model, ids), stepped(neural_model.step, neural_model, ids)
    torch.testing.assert_close(found.double(), expected, rtol=0, atol=1e-5)
    # A search goes on with some rows of a state, and more than once with the same.
    _, state = scores(model, ids)
    with torch.no_grad():
        together, _ = step(ids[-1], state)
        picked = torch.tensor([2, 0])
        for _ in range(2):
            some, _ = step(ids[-1, picked], select(state, picked))
            torch.testing.assert_close(some, together[picked], rtol=0, atol=1e-6)


def test_chunks_with_carried_state_score_as_the_whole(model, ids):
    whole, _ = scores(model, ids)
    inputs, state, found = inputs_of(ids), model.initial_state(3), []
    with torch.no_grad():
        for start, stop in ((0, 1), (1, 5), (5, 7), (7, 11)):
            part, state = model.target_log_probs(inputs[start:stop], ids[start:stop], state)
            found.append(part)
    torch.testing.assert_close(torch.cat(found), whole, rtol=1e-9, atol=1e-9)


def test_distributions_sum_to_one(model, ids):
    totals = stepped(model.step, model, ids).exp().sum(-1)
    torch.testing.assert_close(totals, torch.ones_like(totals), rtol=1e-9, atol=0.0)


def test_a_later_token_never_changes_an_earlier_score(model, ids):
    before, _ = scores(model, ids)
    for place in range(len(ids)):
        changed = ids.clone()
        changed[place] = (changed[place] + 1) % 7
        after, _ = scores(model, changed)
        torch.testing.assert_close(after[:place], before[:place], rtol=1e-12, atol=1e-12)


def test_rows_do_not_see_each_other(model, ids):
    together, _ = scores(model, ids)
    for row in range(3):
        alone, _ = scores(model, ids[:, row : row + 1])
        torch.testing.assert_close(together[:, row : row + 1], alone, rtol=1e-9, atol=1e-9)


def test_selected_rows_of_a_state_go_on_as_their_own(model, ids):
    _, state = scores(model, ids)
    picked = select(state, torch.tensor([2, 0]))
    with torch.no_grad():
        expected, _ = model.step(ids[-1], state)
        found, _ = model.step(ids[-1, [2, 0]], picked)
    torch.testing.assert_close(found, expected[[2, 0]], rtol=1e-9, atol=1e-9)


def test_the_loss_is_the_mean_of_the_scores(neural_model, ids):
    features, _ = neural_model(inputs_of(ids), neural_model.initial_state(3))
    lengths = torch.tensor([11, 4, 1])
    found, _ = scores(neural_model, ids)
    valid = torch.arange(11).unsqueeze(1) < lengths
    torch.testing.assert_close(
        neural_model.criterion(features, ids).detach(), -found.mean(), rtol=1e-9, atol=0.0
    )
    torch.testing.assert_close(
        neural_model.criterion(features, ids, lengths).detach(),
        -found[valid].mean(),
        rtol=1e-9,
        atol=0.0,
    )


def test_every_parameter_is_learnt(neural_model, ids):
    """In training, with what is random in it; a parameter no gradient reaches is dead."""
    torch.manual_seed(0)
    neural_model.train()
    features, _ = neural_model(inputs_of(ids), neural_model.initial_state(3))
    neural_model.criterion(features, ids).backward()
    learnt = {name: p for name, p in neural_model.named_parameters() if p.requires_grad}
    dead = [name for name, p in learnt.items() if p.grad is None]
    assert dead == []


def test_reading_leaves_the_given_state_as_it_was(model, ids):
    _, state = scores(model, ids)
    kept = map_state(torch.clone, state)
    with torch.no_grad():
        model.target_log_probs(ids, ids, state)
        model.step(ids[0], state)
    map_state(lambda left, right: torch.testing.assert_close(left, right) or left, state, kept)


@pytest.mark.parametrize(
    ("settings", "inputs_seen"),
    [
        ({"model": "mlp", "order": 4}, 3),
        ({"model": "mlp", "order": 2}, 1),
        ({"model": "transformer", "memory": 4, "heads": 1}, 5),
        ({"model": "transformer", "memory": 1, "heads": 1}, 2),
        ({"model": "rnn"}, 11),
    ],
)
def test_each_model_sees_its_own_stretch_of_the_past(ids, settings, inputs_seen):
    torch.manual_seed(2)
    config = LanguageModelConfig(**{"hidden_size": 6, "embedding_size": 6, **settings})
    model = build_model(config, 7, BOUNDARY).double().eval()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    with torch.no_grad():
        before, _ = model.target_log_probs(ids, ids, model.initial_state(3))
        for back in range(11):
            changed = ids.clone()
            changed[10 - back] = (changed[10 - back] + 1) % 7
            after, _ = model.target_log_probs(changed, ids, model.initial_state(3))
            moved = float((after[10] - before[10]).abs().max())
            assert (moved > 1e-9) == (back < inputs_seen)


def test_chunks_run_again_change_no_gradient(ids):
    found = []
    for every in (None, 4):
        config = LanguageModelConfig(
            hidden_size=6, embedding_size=6, num_layers=2, dropout=0.4, checkpoint_every=every
        )
        torch.manual_seed(2)
        model = build_model(config, int(ids.max()) + 1, BOUNDARY).double()
        torch.manual_seed(3)
        scored, _ = model.target_log_probs(inputs_of(ids), ids, model.initial_state(ids.shape[1]))
        found.append(torch.autograd.grad(-scored.mean(), list(model.parameters())))
    for chunked, kept in zip(*found, strict=True):
        torch.testing.assert_close(chunked, kept)
