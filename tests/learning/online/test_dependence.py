"""What depends on what is found from the equations, not from the values at hand."""

import pytest
import torch

from elman.cells import CELLS
from elman.learning.online.dependence import find_dependence
from elman.learning.online.transition import Transition
from learning.online.models import language_model, regressor, series, tokens

UNITS = 4


def found_for(model, batch):
    transition = Transition(model, batch.inputs)
    dependence = find_dependence(transition, batch.inputs)
    sizes = [value.numel() for value in transition.parameters.values()]
    parts = dependence.reach.split(sizes, dim=1)
    names = [name.rpartition("0.0.")[2] for name in transition.parameters]
    return dependence.links, dict(zip(names, parts, strict=True))


def own_rows(width):
    """Each unit depends on its own row of a matrix."""
    return torch.eye(UNITS, dtype=torch.bool).repeat_interleave(width, dim=1)


def test_an_elman_network():
    links, reach = found_for(regressor(CELLS["elman"](3, UNITS)), series(2, 1))
    assert links.all()
    assert reach.keys() == {"input_map.weight", "input_map.bias", "recurrent_map.weight"}
    assert torch.equal(reach["input_map.weight"], own_rows(3))
    assert torch.equal(reach["input_map.bias"], own_rows(1))
    assert torch.equal(reach["recurrent_map.weight"], own_rows(UNITS))


def test_an_lstm():
    links, reach = found_for(regressor(CELLS["lstm"](3, UNITS)), series(2, 1))
    eye, everything = torch.eye(UNITS).bool(), torch.ones(UNITS, UNITS).bool()
    # Both parts read all outputs and, of the memory cells, their own.
    assert torch.equal(links, torch.cat([everything.repeat(2, 1), eye.repeat(2, 1)], dim=1))
    gates = reach["input_map.bias"].unflatten(1, (4, UNITS))  # i, f, g, o
    for gate in range(4):
        assert torch.equal(gates[:UNITS, gate], eye)
        assert torch.equal(gates[UNITS:, gate], eye if gate < 3 else torch.zeros_like(eye))


def test_a_weight_of_zero_counts_and_so_does_an_input_of_zero():
    model = regressor(CELLS["elman"](3, UNITS))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
    batch = series(2, 1)
    links, reach = found_for(model, batch._replace(inputs=torch.zeros_like(batch.inputs)))
    assert links.all()
    assert torch.equal(reach["input_map.weight"], own_rows(3))


@pytest.mark.parametrize("seed", range(5))
def test_units_that_a_relu_has_switched_off_count(seed):
    torch.manual_seed(seed)
    model = regressor(CELLS["irnn"](3, UNITS))
    with torch.no_grad():
        model.rnn.layers[0][0].input_map.bias.fill_(-100.0)
    links, reach = found_for(model, series(2, 1))
    assert links.all()
    assert torch.equal(reach["input_map.bias"], own_rows(1))


def test_groups_whose_clock_does_not_tick_count():
    links, _ = found_for(regressor(CELLS["clockwork"](3, UNITS, periods=(2, 3))), series(2, 1))
    units = torch.tensor([[1, 1, 1, 1], [1, 1, 1, 1], [0, 0, 1, 1], [0, 0, 1, 1]]).bool()
    assert torch.equal(links[:UNITS, :UNITS], units)
    assert links[UNITS].tolist() == [False] * UNITS + [True]  # the clock
    assert not links[:UNITS, UNITS].any()


def test_tokens_that_do_not_occur_count():
    batch = tokens(2, 1)
    model = language_model(cell="elman", input="one-hot")
    batch = batch._replace(inputs=torch.full_like(batch.inputs, 2))
    _, reach = found_for(model, batch)
    assert torch.equal(reach["input_map.weight"], own_rows(5))
    _, reach = found_for(language_model(cell="elman"), batch)
    assert reach["network.embedding.weight"].all()
    assert not any("softmax" in name for name in reach)


def test_it_is_the_same_whatever_the_weights_and_inputs():
    model, batch = regressor(CELLS["slstm"](3, UNITS)), series(2, 1)
    links, reach = found_for(model, batch)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(-3).add_(1)
    again, reach_again = found_for(model, batch._replace(inputs=5 * batch.inputs))
    assert torch.equal(links, again)
    assert all(torch.equal(reach[name], reach_again[name]) for name in reach)
