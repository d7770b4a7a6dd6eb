import torch

from elman.cells import CELLS
from elman.learning.online.transition import STATE, Transition
from learning.online.models import language_model, regressor, series, tokens


def test_a_step_is_that_of_the_model():
    model, batch = regressor(CELLS["lstm"](3, 4), num_layers=2), series(3, 2)
    transition = Transition(model, batch.inputs)
    _, state = model(batch.inputs[:2], model.initial_state(2))
    _, expected = model(batch.inputs[2:], state)
    found = transition(transition.present(), batch.inputs[2], transition.flatten(state))
    torch.testing.assert_close(found, transition.flatten(expected))
    assert transition.state_size == found.shape[1] == 16
    back = transition.flatten(transition.unflatten(found))
    assert torch.equal(back, found)


def test_other_weights_are_used_and_put_away_again():
    model, batch = regressor(CELLS["gru"](3, 4)), series(2, 1)
    transition = Transition(model, batch.inputs)
    before = [parameter.clone() for parameter in model.parameters()]
    state = transition.flatten(model.initial_state(1)) + 0.5
    zeros = {name: torch.zeros_like(value) for name, value in transition.present().items()}
    # With weights of zero the candidate is zero and the gate one half.
    torch.testing.assert_close(transition(zeros, batch.inputs[0], state), state / 2)
    assert all(map(torch.equal, before, model.parameters()))


def test_only_parameters_with_a_way_to_the_state_belong_to_it():
    names = Transition(regressor(CELLS["elman"](3, 4)), series(2, 1).inputs).parameters
    assert {name.split(".")[0] for name in names} == {"rnn"}
    model = language_model(cell="gru", embedding_size=4, tie=True)
    assert "network.embedding.weight" in Transition(model, tokens(2, 1).inputs).parameters
    assert not Transition(regressor(CELLS["echo-state"](3, 4)), series(2, 1).inputs).parameters


def test_products_with_vectors_are_those_of_backward_passes():
    model, batch = regressor(CELLS["lstm"](3, 4)), series(2, 3)
    transition = Transition(model, batch.inputs)
    states = torch.randn(3, 8, dtype=torch.float64)
    seeds = torch.randn(3, 2, 8, dtype=torch.float64)
    names = [STATE, *transition.parameters]
    found = transition.pull(names, batch.inputs[0], states, seeds)
    for row in range(3):
        state = states[row : row + 1].clone().requires_grad_()
        parts = transition.unflatten(state)
        _, after = model(batch.inputs[:1, row : row + 1], parts)
        for number in range(2):
            product = (transition.flatten(after) * seeds[row, number]).sum()
            by = [state, *transition.parameters.values()]
            expected = torch.autograd.grad(product, by, retain_graph=True)
            flat = torch.cat([part.flatten() for part in expected])
            torch.testing.assert_close(found[row, number], flat)
