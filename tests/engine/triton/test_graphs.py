"""Recordings of loops: what is copied where, and which are shared. The recorder is a stand-in."""

import threading

import pytest
import torch

from elman.cells import GRUCell
from elman.engine.compiler.program import Source
from elman.engine.eager import unroll_eager
from elman.engine.triton import graphs, loop
from elman.engine.triton.graphs import replayed
from elman.engine.triton.unroll import unroll_triton

GIVEN, SUM, SCRATCH = Source("given", 0), Source("sum", 0), Source("scratch", 0)


@pytest.fixture
def recorded(monkeypatch):
    """Count recordings; one is replayed by running its loop on its own buffers again."""
    made = []

    def record(loop, buffers):
        made.append(buffers)
        return lambda: loop(buffers)

    monkeypatch.setattr(graphs, "_record", record)
    monkeypatch.setattr(graphs, "_can_record", lambda _: True)
    monkeypatch.setattr(graphs, "_order", lambda _: (threading.get_ident(),))
    graphs._recordings.clear()
    yield made
    graphs._recordings.clear()


def add(buffers):
    buffers[SCRATCH].copy_(buffers[GIVEN])
    buffers[SUM].add_(buffers[SCRATCH])


def run(key, value):
    buffers = {
        GIVEN: torch.tensor([float(value)]),
        SUM: torch.ones(1),
        SCRATCH: torch.full((1,), torch.nan),
    }
    replayed(key, add, buffers, {SCRATCH}, {SUM})
    return buffers[SUM].item()


def test_the_second_run_is_recorded_and_later_ones_replayed(recorded):
    for value, recordings in ((1, 0), (2, 1), (3, 1), (4, 1)):
        assert run("key", value) == value + 1
        assert len(recorded) == recordings


def test_other_keys_and_other_threads_have_recordings_of_their_own(recorded):
    for _ in range(2):
        assert run("one", 1) == 2
        assert run("other", 5) == 6
    thread = threading.Thread(target=lambda: [run("one", 7) for _ in range(2)])
    thread.start()
    thread.join()
    assert len(recorded) == 3


def test_the_recording_longest_unused_makes_room(recorded, monkeypatch):
    monkeypatch.setattr(graphs, "RECORDINGS", 2)
    for key in ("a", "a", "b", "b", "c", "c"):
        run(key, 1)
    assert len(recorded) == 3
    run("b", 1)
    assert len(recorded) == 3
    run("a", 1)
    run("a", 1)
    assert len(recorded) == 4


def test_without_a_device_that_records_the_loop_runs(monkeypatch):
    monkeypatch.setattr(graphs, "_record", None)
    assert [run("key", value) for value in range(3)] == [1, 2, 3]


def assert_training_equals_eager(monkeypatch, device):
    """Train thrice with other numbers each time: run, recorded and replayed."""
    monkeypatch.setattr(loop, "WIDEST", 0)
    torch.manual_seed(0)
    cell = GRUCell(2, 19).to(device, torch.float64)
    for number in range(3):
        inputs = torch.randn(2, 2, 2, device=device, dtype=torch.float64)
        lengths = torch.tensor([2, number % 2], device=device)
        found = []
        for unroll in (unroll_triton, unroll_eager):
            outputs, state = unroll(cell, inputs, cell.initial_state(2), lengths)
            loss = outputs.cos().sum() + state.hidden.sin().sum()
            found.append([outputs, *torch.autograd.grad(loss, list(cell.parameters()))])
        for left, right in zip(*found, strict=True):
            torch.testing.assert_close(left, right, rtol=1e-11, atol=1e-11)


def test_training_by_recordings(recorded, monkeypatch, device):
    assert_training_equals_eager(monkeypatch, device)
    assert len(recorded) == 2  # forward and backward


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_training_by_cuda_graphs(monkeypatch, device):
    graphs._recordings.clear()
    assert_training_equals_eager(monkeypatch, device)
    assert len(graphs._recordings) == 2
    assert all(recording is not None for recording in graphs._recordings.values())
