import pytest

from elman.bench import jobs
from elman.bench.jobs import Job, list_jobs, run_jobs
from elman.bench.shapes import LITTLE_WORK, SEQUENCES, SINGLE_STEPS


@pytest.fixture
def measured(monkeypatch):
    """What jobs measure, in place of measuring it."""
    seen = []
    for name in ("training", "inference", "step"):

        def measure(cell, shape, seconds, name=name):
            seen.append((name, cell, shape))
            return []

        monkeypatch.setattr(jobs, f"measure_{name}", measure)
    monkeypatch.setattr(
        jobs, "measure_first_use", lambda cells, shape: seen.append(("first use", cells, shape))
    )
    return seen


class Clock:
    """Stands for the time module."""

    def __init__(self):
        self.now = 100.0

    def perf_counter(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(jobs, "time", clock)
    return clock


def test_the_standing_tables(measured):
    for job in list_jobs((), quick=False):
        job.measure(1.0)
    trained = ("lstm", "peephole-lstm", "layer-norm-lstm", "gru", "elman")
    assert measured == [
        *(("training", cell, shape) for cell in trained for shape in SEQUENCES),
        *(("inference", "lstm", shape) for shape in SEQUENCES),
        *(("step", "lstm", shape) for shape in SINGLE_STEPS),
        ("first use", ("lstm", "gru"), LITTLE_WORK),
    ]


def test_named_cells_get_every_table_once(measured):
    listed = list_jobs(("gru", "cho-gru", "gru"), quick=True)
    for job in listed:
        job.measure(1.0)
    small, row, step = SEQUENCES[0], SEQUENCES[-1], SINGLE_STEPS[0]
    assert measured == [
        *(("training", cell, shape) for cell in ("gru", "cho-gru") for shape in (small, row)),
        *(("inference", cell, shape) for cell in ("gru", "cho-gru") for shape in (small, row)),
        ("step", "gru", step),
        ("step", "cho-gru", step),
        ("first use", ("gru", "cho-gru"), LITTLE_WORK),
    ]
    assert listed[0].label == "train gru 35,20,200 x2"
    assert listed[-1].label == "first use of gru, cho-gru"


def job_of(clock, label, takes, shares):
    def measure(seconds):
        shares.append(seconds)
        clock.now += takes
        return [label, "second row"]

    return Job(label, measure)


def test_time_is_shared_out_and_what_is_left_goes_to_the_others(clock):
    shares, said = [], []
    listed = [job_of(clock, label, 2.0, shares) for label in "abc"]
    rows = list(run_jobs(listed, 12.0, said.append))
    assert shares == pytest.approx([12 / 3, 10 / 2, 8 / 1])
    assert rows == ["a", "second row", "b", "second row", "c", "second row"]
    assert said == ["a", "b", "c"]


def test_the_last_are_not_starved(clock):
    shares = []
    list(run_jobs([job_of(clock, label, 9.0, shares) for label in "abc"], 12.0, print))
    assert shares == pytest.approx([4, 2, 2])


def test_nothing_is_begun_when_time_is_over(clock):
    shares, said = [], []
    listed = [job_of(clock, label, 0.6 * jobs.LIMIT, shares) for label in "abcd"]
    assert list(run_jobs(listed, 12.0, said.append)) == ["a", "second row", "b", "second row"]
    assert said == ["a", "b", "this machine is too slow or too busy: 2 measurements are left out"]
