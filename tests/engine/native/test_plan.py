"""Plans: jobs laid out once, done in order for whatever memories a call names."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from elman.engine.native.kernels import kernels
from elman.engine.native.multiply import Rows, add_gated_gradient, add_sum, run_once
from elman.engine.native.plan import MEMORY, Address, Plan, after
from reference.products import rows_of, using


def summed(plan, matrix, target):
    add_sum(plan, matrix, target)
    return plan


def test_each_call_names_its_own_memories():
    plan = Plan()
    source, target = (Address(plan.base()) for _ in range(2))
    between = plan.reserve(7)
    add_sum(plan, Rows(source, 9, 5, 7), between)  # five rows of seven, nine floats apart
    add_sum(plan, Rows(between, 7, 1, 7), after(target, 2))
    launch = plan.finish(kernels().launch)

    def call(seed):
        matrix = torch.randn(5, 9, generator=torch.Generator().manual_seed(seed))
        found, memory = torch.full((10,), 3.0), torch.full((launch.floats,), torch.nan)
        launch(memory.data_ptr(), (matrix.data_ptr(), found.data_ptr()))
        torch.testing.assert_close(found[2:9], matrix[:, :7].sum(0))
        assert (found[[0, 1, 9]] == 3.0).all()

    with ThreadPoolExecutor(4) as pool:
        for run in [pool.submit(call, seed) for seed in range(40)]:
            run.result()


def test_reserved_memory_starts_at_cache_lines_and_does_not_overlap():
    plan = Plan()
    places = [plan.reserve(size) for size in (1, 16, 17, 0, 3)]
    assert [place.base for place in places] == [MEMORY] * 5
    assert [place.floats for place in places] == [0, 16, 32, 64, 64]
    assert plan.floats == 80


@pytest.mark.parametrize("lanes", [16, 8, 4])
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize(("rows", "columns"), [(0, 5), (1, 33), (3, 1), (4, 70), (300, 700)])
def test_sums_of_rows(lanes, threads, rows, columns):
    matrix = torch.randn(rows, columns + 3)[:, :columns]
    target = torch.full((columns + 2,), 7.0)
    with using(lanes, threads):
        run_once(summed(Plan(), rows_of(matrix), target.data_ptr() + 4))
    torch.testing.assert_close(target[1:-1], matrix.sum(0), atol=1e-4, rtol=1e-5)
    assert target[0] == target[-1] == 7.0


def test_one_row_is_copied_bit_for_bit():
    row = torch.tensor([[-0.0, torch.nan, torch.inf, 1e-42, 3.0]])
    target = torch.empty(1, 5)
    with using():
        run_once(summed(Plan(), rows_of(row), target.data_ptr()))
    assert torch.equal(target.view(torch.int32), row.view(torch.int32))


@pytest.mark.parametrize("lanes", [16, 8, 4])
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize(("rows", "outs", "ins"), [(9, 4, 28), (500, 70, 300), (12, 30, 3)])
@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_gated_gradients_read_open_rows_alone(lanes, threads, rows, outs, ins, share):
    gate = (torch.rand(rows, 1) < share).float()
    d_y, x = torch.randn(rows, outs + 1)[:, :outs], torch.randn(rows, ins + 2)[:, :ins]
    expected = (d_y * gate).double().t() @ x.double()
    d_y[gate.flatten() == 0] = torch.nan
    found = torch.empty(outs, ins)
    plan = Plan()
    with using(lanes, threads):
        sides = rows_of(gate), rows_of(d_y), rows_of(x)
        add_gated_gradient(plan, *sides, rows_of(found), "float32")
        run_once(plan)
    torch.testing.assert_close(found.double(), expected, atol=1e-4, rtol=1e-4)
