"""Exact RTRL is BPTT by other means: the same gradient, whatever the cell."""

import pytest
import torch
from lightning_fabric import Fabric
from torch import nn

from elman.cells import CELLS, LinearCell
from elman.data import Batch
from elman.errors import ConfigError
from elman.learning import BPTT, RTRL, SnAp, TruncatedBPTT
from elman.learning.online import influence_rule
from elman.learning.online.influence import Influence
from elman.learning.online.support import direct_support
from elman.nn import RNN, Residual, SequenceRegressor
from learning.online.models import (
    cut,
    distance,
    frozen,
    gradient,
    gradient_of,
    gradient_of_stream,
    language_model,
    regressor,
    series,
    tokens,
)

LINEAR = [name for name, cell in CELLS.items() if issubclass(cell, LinearCell)]


def assert_exact(model, batch):
    expected, loss = gradient_of(BPTT(frozen(model)), model, batch)
    found, own_loss = gradient_of(RTRL(frozen(model), carried=False), model, batch)
    assert float(own_loss) == pytest.approx(float(loss), rel=1e-12)
    assert distance(found, expected) < 1e-10


@pytest.mark.parametrize("name", CELLS)
def test_gradient_is_that_of_bptt(name):
    assert_exact(regressor(CELLS[name](3, 4)), series(6, 2, lengths=[6, 4]))


@pytest.mark.parametrize("name", ["elman", "lstm", "gru", "clockwork", "slstm", "lru", "sru"])
def test_gradient_of_a_stack_is_that_of_bptt(name):
    assert_exact(regressor(CELLS[name](3, 4), num_layers=2), series(6, 2))


def test_gradient_of_a_wrapped_cell_is_that_of_bptt():
    assert_exact(regressor(Residual(CELLS["gru"](3, 3))), series(6, 2))


@pytest.mark.parametrize(
    "settings",
    [
        {"cell": "gru"},
        {"cell": "elman", "input": "one-hot"},
        {"cell": "lstm", "embedding_size": 4, "tie": True, "num_layers": 2},
        {"cell": "jordan", "softmax": "adaptive"},
        {"cell": "gru", "zoneout": 0.0, "layer_norm": True},
    ],
)
def test_gradient_of_a_language_model_is_that_of_bptt(settings):
    assert_exact(language_model(**settings), tokens(6, 2))


def test_one_cell_at_two_places_is_one_cell():
    model = regressor(CELLS["elman"](4, 4), num_layers=2)
    model.rnn.layers[1] = model.rnn.layers[0]
    batch = series(5, 2, inputs=4)
    assert_exact(model, batch)


def test_frozen_weights_are_not_learnt_and_do_not_matter():
    model = regressor(CELLS["lstm"](3, 4))
    model.rnn.layers[0][0].input_map.weight.requires_grad_(False)
    assert_exact(model, series(5, 2))
    assert model.rnn.layers[0][0].input_map.weight.grad is None


@pytest.mark.parametrize("name", ["elman", "lstm", "clockwork", "min-gru"])
@pytest.mark.parametrize("stride", [1, 3, 12])
def test_the_carried_influence_makes_one_sequence_of_all_batches(name, stride):
    model, whole = regressor(CELLS[name](3, 4)), series(12, 2)
    expected, _ = gradient_of(BPTT(frozen(model)), model, whole)
    found = gradient_of_stream(RTRL(frozen(model), carried=True), model, cut(whole, stride))
    assert distance(found, expected) < 1e-10
    # Which a gradient that stops where a batch begins is not.
    short = TruncatedBPTT(frozen(model), horizon=stride)
    truncated = gradient_of_stream(short, model, cut(whole, stride))
    assert stride == 12 or distance(truncated, expected) > 1e-3


def test_nothing_is_carried_between_whole_sequences():
    model, batch = regressor(CELLS["elman"](3, 4)), series(5, 2)
    learner = RTRL(frozen(model), carried=False)
    first, loss = gradient_of(learner, model, batch)
    second, again = gradient_of(learner, model, batch)
    assert torch.equal(first, second)
    assert float(loss) == float(again)


def test_a_row_that_has_ended_keeps_state_and_influence():
    model, batch = regressor(CELLS["lstm"](3, 4)), series(6, 2, lengths=[6, 2])
    learner = RTRL(frozen(model), carried=True)
    after = learner.update(model, batch, learner.initial_state(model, 2)).state
    short = Batch(batch.inputs[:2], batch.targets[:2], None)
    expected = learner.update(model, short, learner.initial_state(model, 2)).state
    for found, wanted in (
        (after.memory, expected.memory),
        (after.state[0][0], expected.state[0][0]),
    ):
        for one, other in zip(
            found if isinstance(found, tuple) else [found],
            wanted if isinstance(wanted, tuple) else [wanted],
            strict=True,
        ):
            torch.testing.assert_close(one[1], other[1], rtol=1e-12, atol=0)
            assert not torch.allclose(one[0], other[0])


def test_steps_taken_a_few_at_a_time_give_the_same(monkeypatch):
    model, batch = regressor(CELLS["gru"](3, 4)), series(7, 2)
    expected, _ = gradient_of(RTRL(frozen(model), carried=False), model, batch)
    monkeypatch.setattr("elman.learning.online.learner.BYTES_AT_ONCE", 1)
    found, _ = gradient_of(RTRL(frozen(model), carried=False), model, batch)
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("name", [*LINEAR, "clockwork"])
def test_the_cheap_form_is_the_dense_one(name):
    model, batch = regressor(CELLS[name](3, 4)), series(6, 2)
    cheap = RTRL(frozen(model), carried=False)
    expected, _ = gradient_of(cheap, model, batch)
    everything = torch.ones(cheap.transition.state_size, cheap.transition.parameter_count).bool()
    cheap_entries = cheap.influence.entries
    cheap.influence = Influence(cheap.influence.jacobian, direct_support(everything))
    found, _ = gradient_of(cheap, model, batch)
    assert cheap_entries < cheap.influence.entries == everything.numel()
    torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize("name", LINEAR)
def test_a_linear_recurrence_costs_a_number_for_each_part_of_a_unit(name):
    model = regressor(CELLS[name](3, 4))
    learner = RTRL(frozen(model), carried=False)
    gradient_of(learner, model, series(3, 2))
    cell = model.rnn.layers[0][0]
    read_only = sum(
        part.weight.numel()  # of an output gate, a skip or a readout inside the cell
        for name, part in cell.named_modules()
        if name in ("output_map", "skip_map", "highway_map") and isinstance(part, nn.Linear)
    )
    reset_gate = 4 * (3 + 1) if name == "sru" else 0
    feeding = sum(p.numel() for p in cell.parameters()) - read_only - reset_gate
    parts = 2 if name == "lru" else 1
    assert learner.influence.entries == parts * feeding


def test_upper_layers_and_faster_groups_are_not_kept_where_nothing_reaches():
    stack = regressor(CELLS["elman"](3, 4), num_layers=2)
    learner = RTRL(frozen(stack), carried=False)
    gradient_of(learner, stack, series(3, 1))
    below, above = 4 * (3 + 4 + 1), 4 * (4 + 4 + 1)
    assert learner.influence.entries == 8 * below + 4 * above
    clockwork = regressor(CELLS["clockwork"](3, 4, periods=(1, 2)))
    learner = RTRL(frozen(clockwork), carried=False)
    gradient_of(learner, clockwork, series(3, 1))
    fast, slow = 2 * (3 + 1 + 4), 2 * (3 + 1 + 2)
    assert learner.influence.entries == 2 * fast + 4 * slow


def test_an_update_in_a_launchers_wrapper_is_the_same():
    found = []
    for wrapped in (False, True):
        model = language_model(cell="gru").float()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        whole = model
        if wrapped:
            whole, optimizer = Fabric(accelerator="cpu", devices=1).setup(model, optimizer)
        learner = RTRL(optimizer, carried=True)
        state = learner.initial_state(whole, 2)
        for batch in cut(tokens(12, 2), 3):
            state = learner.update(whole, batch, state).state
        found.append(torch.cat([p.detach().flatten() for p in model.parameters()]))
    assert torch.equal(*found)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"cell": "gru", "input_dropout": 0.1}, "leave out dropout and zoneout"),
        ({"cell": "gru", "zoneout": 0.1}, "leave out dropout and zoneout"),
        ({"model": "mlp"}, "no vector of numbers of a fixed size: take a recurrent network"),
        ({"model": "transformer", "heads": 2}, "no vector of numbers of a fixed size"),
    ],
)
def test_models_without_such_steps_are_refused(settings, message):
    model = language_model(**settings)
    with pytest.raises(ConfigError, match=message):
        gradient_of(RTRL(frozen(model), carried=False), model, tokens(3, 2))


def test_two_directions_are_refused():
    model = SequenceRegressor(RNN(CELLS["gru"](3, 4), bidirectional=True), 2).double()
    with pytest.raises(ConfigError, match="online rules go forward in time"):
        gradient_of(RTRL(frozen(model), carried=False), model, series(3, 2))


def test_a_learnt_start_is_refused():
    model = regressor(CELLS["elman"](3, 4))
    start = nn.Parameter(torch.zeros(4, dtype=torch.float64))
    make = model.initial_state
    model.initial_state = lambda rows: tuple(
        tuple(type(cell)(start.expand(rows, 4)) for cell in layer) for layer in make(rows)
    )
    with pytest.raises(ConfigError, match="take the initial state as given"):
        gradient_of(RTRL(frozen(model), carried=False), model, series(3, 2))


class LookedUp(nn.Module):
    """A cell's input from a table that is no nn.Embedding."""

    def __init__(self):
        super().__init__()
        self.table = nn.Parameter(torch.randn(4, 3, dtype=torch.float64))
        self.inner = regressor(CELLS["min-gru"](3, 4))
        self.initial_state, self.criterion = self.inner.initial_state, self.inner.criterion

    def forward(self, inputs, state):
        return self.inner(self.table[inputs], state)


def test_a_table_that_is_no_embedding_is_refused_and_not_learnt_wrongly():
    model = LookedUp()
    batch = Batch(torch.tensor([[0], [1], [2]]), series(3, 1).targets, None)
    with pytest.raises(ValueError, match=r"keep tables .* in nn\.Embedding"):
        gradient_of(RTRL(frozen(model), carried=False), model, batch)


@pytest.mark.parametrize(("rule", "factor"), [(RTRL, 4), (SnAp, 1)])
def test_too_little_memory_is_said_before_the_first_step(monkeypatch, rule, factor):
    model = regressor(CELLS["elman"](3, 4))
    weights = 4 * (3 + 4 + 1)
    needed = 2 * 2 * factor * weights * 8  # twice, two rows, float64
    monkeypatch.setattr(influence_rule, "physical_memory", lambda: float(needed))
    gradient_of(rule(frozen(model), carried=False), model, series(3, 2))
    monkeypatch.setattr(influence_rule, "physical_memory", lambda: float(needed - 1))
    with pytest.raises(ConfigError) as refusal:
        gradient_of(rule(frozen(model), carried=False), model, series(3, 2))
    said = f"{rule.__name__}: the influence of 32 weights on 4 numbers of the state in 2 rows takes"
    assert str(refusal.value).startswith(said)
    assert "take a smaller hidden size or batch size" in str(refusal.value)


def test_gradients_are_added_to_none_that_linger():
    model, batch = regressor(CELLS["gru"](3, 4)), series(4, 2)
    learner = RTRL(frozen(model), carried=False)
    first, _ = gradient_of(learner, model, batch)
    gradient_of(learner, model, batch)
    assert torch.equal(first, gradient(model))
