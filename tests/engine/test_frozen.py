"""Weights that stay as they are, packed once."""

import copy

import pytest
import torch

from elman import RNN, explain, freeze, unroll
from elman.cells import GRUCell, LSTMCell
from elman.engine import frozen
from elman.engine.native.target import host
from elman.nn import LayerNorm, Zoneout

CELLS = [
    lambda: LSTMCell(20, 24),
    lambda: GRUCell(3, 17),
    lambda: LayerNorm(LSTMCell(20, 24)),
    lambda: Zoneout(GRUCell(20, 24), 0.2),
]


@pytest.fixture
def packings(monkeypatch):
    """Counts the weights that are packed to be kept."""
    shapes = []
    pack = frozen.pack_weight

    def counted(weight, *arguments, **options):
        shapes.append(tuple(weight.shape))
        return pack(weight, *arguments, **options)

    monkeypatch.setattr(frozen, "pack_weight", counted)
    return shapes


def drawn(cell, time=5, batch=6):
    return torch.randn(time, batch, cell.input_size)


@pytest.mark.parametrize("build", CELLS)
@pytest.mark.parametrize("batch", [1, 6])
@pytest.mark.parametrize("ragged", [False, True])
@torch.no_grad()
def test_the_numbers_stay_the_same(build, batch, ragged):
    cell = build().eval()
    inputs, options = drawn(cell, batch=batch), {}
    if ragged:
        resets = torch.rand(5, batch) < 0.3
        options = {"lengths": torch.randint(1, 6, (batch,)), "resets": resets}
    kept = freeze(copy.deepcopy(cell))
    # A single row is summed up in another order where its weights are not packed.
    within = {"rtol": 1e-5, "atol": 1e-6} if batch == 1 else {"rtol": 0, "atol": 0}
    assert explain(kept, inputs).startswith("compiled")
    for _ in range(2):
        expected, state = unroll(cell, inputs, **options)
        found, last = unroll(kept, inputs, **options)
        torch.testing.assert_close((found, last), (expected, state), **within)


@pytest.mark.skipif(not host().has_bfloat16, reason="the processor multiplies no bfloat16 numbers")
@torch.no_grad()
def test_each_precision_has_weights_of_its_own():
    cell = LSTMCell(20, 24).eval()
    kept, inputs = freeze(copy.deepcopy(cell)), drawn(cell)
    for precise in (True, False, True):
        with torch.autocast("cpu", torch.bfloat16, enabled=not precise):
            assert torch.equal(unroll(kept, inputs)[0], unroll(cell, inputs)[0])


@torch.no_grad()
def test_weights_are_packed_once_for_all_shapes(packings):
    rnn = freeze(RNN("lstm", 20, 24, num_layers=2, bidirectional=True))
    for batch in (6, 4, 6):
        rnn(torch.randn(5, batch, 20))
    assert len(packings) == 8  # of two products, two layers, two directions


def by_optimizer(cell):
    optimizer = torch.optim.SGD(cell.parameters(), lr=1.0)
    for weight in cell.parameters():
        weight.grad = torch.ones_like(weight)
    optimizer.step()


def by_loading(cell):
    cell.load_state_dict({name: weight + 1 for name, weight in cell.state_dict().items()})


def by_assignment(cell):
    for name, weight in list(cell.input_map.named_parameters()):
        setattr(cell.input_map, name, torch.nn.Parameter(weight + 1))


def by_rounding(cell):
    cell.half().float()


def by_replacing_data(cell):
    for weight in cell.parameters():
        weight.data = weight.data + 1


@pytest.mark.parametrize(
    "change", [by_optimizer, by_loading, by_assignment, by_rounding, by_replacing_data]
)
@torch.no_grad()
def test_changes_that_torch_counts_are_noticed(change, packings):
    cell = freeze(LSTMCell(20, 24))
    inputs = drawn(cell)
    before, _ = unroll(cell, inputs)
    change(cell)
    after, _ = unroll(cell, inputs)
    assert not torch.equal(after, before)
    assert torch.equal(after, unroll(copy.deepcopy(cell), inputs)[0])
    assert len(packings) == 4


def test_gradients_are_those_of_any_other_cell(packings):
    cell = LSTMCell(20, 24)
    inputs, kept = drawn(cell), freeze(copy.deepcopy(cell))
    gradients = []
    for one, mode in ((cell, True), (kept, False), (kept, True)):
        one.train(mode)
        unroll(one, inputs)[0].sum().backward()
        gradients.append([weight.grad.clone() for weight in one.parameters()])
        one.zero_grad()
    torch.testing.assert_close(gradients[1], gradients[0], rtol=0, atol=0)
    torch.testing.assert_close(gradients[2], gradients[0], rtol=0, atol=0)
    assert packings == []


def test_what_inference_packed_leaves_gradients_possible():
    cell = freeze(LSTMCell(20, 24))
    inputs = drawn(cell)
    with torch.inference_mode():
        expected, _ = unroll(cell, inputs)
    with torch.no_grad():
        assert torch.equal(unroll(cell, inputs)[0], expected)
    unroll(cell, inputs)[0].sum().backward()
    assert all(weight.grad is not None for weight in cell.parameters())


@torch.no_grad()
def test_a_copy_is_no_longer_bound(packings):
    cell = copy.deepcopy(freeze(GRUCell(20, 24)))
    unroll(cell, drawn(cell))
    assert packings == []
