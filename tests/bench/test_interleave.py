"""The order and number of calls, on a clock that only the contenders move."""

import pytest

from elman.bench import interleave
from elman.bench.interleave import SELDOM_ROUNDS, SPAN, interleaved_seconds


class Clock:
    """Stands for the time module."""

    def __init__(self):
        self.now = 0.0
        self.log = []

    def perf_counter(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds
        self.log.append("rest")

    def contender(self, name, seconds):
        def run():
            self.now += seconds
            self.log.append(name)

        return run


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(interleave, "time", clock)
    return clock


def test_contenders_take_turns_and_are_timed_apart(clock):
    contenders = {"a": clock.contender("a", 1.0), "b": clock.contender("b", 0.5)}
    found = interleaved_seconds(contenders, 3)
    assert found == {"a": pytest.approx([1.0] * 3), "b": pytest.approx([0.5] * 3)}
    assert clock.log[-12:] == ["rest", "a", "rest", "b"] * 3
    assert clock.log[:-12] == ["a", "b", "a", "b"]  # warm-up


def test_quick_contenders_are_called_for_a_span_and_timed_a_call(clock):
    contenders = {"quick": clock.contender("quick", SPAN / 7.5), "slow": clock.contender("slow", 9)}
    found = interleaved_seconds(contenders, 1)
    assert found["quick"] == pytest.approx([SPAN / 7.5])
    turns = "".join("-" if name == "rest" else name[0] for name in clock.log)
    assert turns == "qsqs-qqqqqqqq-s"


def test_seldom_contenders_take_part_in_the_first_rounds(clock):
    contenders = {"a": clock.contender("a", 1.0), "b": clock.contender("b", 2.0)}
    found = interleaved_seconds(contenders, 9, seldom=("b",))
    assert [len(times) for times in found.values()] == [9, SELDOM_ROUNDS]
    assert clock.log[:3] == ["a", "b", "a"]  # one warm-up call is enough for the slow


def test_no_round_begins_that_would_end_late(clock):
    run = clock.contender("a", 1.0)
    # Two calls of warm-up, then a little over a second a round.
    assert len(interleaved_seconds({"a": run}, 50, seconds=6.1)["a"]) == 4
    assert len(interleaved_seconds({"a": run}, 50, seconds=0.0)["a"]) == 1
