"""The form that a cell takes by its size alone, and what is done before and after the loop."""

import pytest
import torch

from elman.cells import Cell, ChoGRUCell, ClockworkCell, ElmanCell, GRUCell, LSTMCell
from elman.engine.compiler.program import Source
from elman.engine.programs import compiled
from elman.engine.triton import loop
from elman.engine.triton.kernel import Setting
from elman.engine.triton.plan import inference_plan, training_plans

WANTED = frozenset(
    Source(kind, index) for kind in ("input", "state", "vector", "matrix") for index in range(20)
)
EXACT = Setting(precision="tf32x3")


def program(cell: Cell):
    inputs = torch.zeros(1, 1, cell.input_size)
    return compiled(cell, inputs, cell.initial_state(1)).traced.program


@pytest.mark.parametrize(
    ("cell", "held"),
    [
        (ElmanCell(3, 128), True),
        (LSTMCell(3, 64), True),
        (LSTMCell(3, 65), False),
        (GRUCell(3, 128), False),
        (ClockworkCell(3, 120), True),
    ],
)
def test_one_launch_with_weights_on_the_chip_or_read_again(cell, held):
    for plan in training_plans(program(cell), EXACT, WANTED)[:2]:
        before_loop, _, in_loop = plan.loop.text.partition("for number in range(time)")
        assert ("tl.load(matrix" in before_loop) is held
        assert ("tl.load(matrix" in in_loop) is not held
        assert (loop._bytes(plan.loop, EXACT) <= EXACT.memory) is held


def test_products_of_lower_precision_need_less_room():
    found = inference_plan(program(GRUCell(3, 128)), Setting(precision="tf32"))
    assert "tl.load(matrix" in found.loop.text.partition("for number")[0]


@pytest.mark.parametrize("cell", [ElmanCell(3, 129), LSTMCell(3, 650)])
def test_wide_layers_take_one_product_and_one_kernel_a_step(cell):
    plans = training_plans(program(cell), EXACT, WANTED)
    assert plans.forward.loop is None
    assert plans.backward.loop is None
    (first, products), (last, none) = plans.forward.stages
    assert (first, len(products), none) == (None, 1, ())
    assert last is not None
    (first, products), (last, none) = plans.backward.stages
    assert first is not None
    assert (len(products), last, none) == (1, None, ())


def test_products_in_sequence_have_a_kernel_between():
    stages = inference_plan(program(ChoGRUCell(3, 300)), EXACT).stages
    assert [kernel is not None for kernel, _ in stages] == [False, True, True]
    assert [len(products) for _, products in stages] == [1, 1, 0]


def test_products_of_inputs_and_weight_gradients_stay_out_of_the_loop():
    plans = training_plans(program(LSTMCell(3, 5)), EXACT, WANTED)
    assert len(plans.forward.before) == 1
    assert plans.forward.loop.text.count("tl.dot") == 4  # a gate each
    assert len(plans.weights) == 2
    assert len(plans.inputs) == 1


def test_what_nobody_reads_later_is_not_kept():
    plans = training_plans(program(LSTMCell(3, 5)), EXACT, WANTED)
    kinds = [source.kind for source in plans.forward.kept]
    assert sorted(kinds) == ["product", "state", "state"]
    assert inference_plan(program(LSTMCell(3, 5)), EXACT).kept.isdisjoint(
        {Source("product", 0), Source("hoisted", 0)}
    )
