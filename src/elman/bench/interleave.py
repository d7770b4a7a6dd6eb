"""Paired timing: contenders take turns in one process, so that a busy machine slows all alike."""

import math
import time
from collections.abc import Callable, Collection, Mapping

SPAN = 0.02
"""Seconds that quick contenders are called for in a row, so that the clock's own cost and that of
waking threads vanish."""
MOST_CALLS = 10_000
SELDOM_ROUNDS = 3
REST = 0.005
"""Seconds before each turn, in which the last contender's waiting threads leave the processor."""


def interleaved_seconds(
    contenders: Mapping[str, Callable[[], None]],
    rounds: int,
    *,
    seconds: float = math.inf,
    seldom: Collection[str] = (),
) -> dict[str, list[float]]:
    """Run contenders in turn, after a warm-up, and time them.

    Args:
        contenders: what to call, by name.
        rounds: most turns of each contender.
        seconds: begin no round that would, like the last, end later than this; one is always run.
        seldom: slow contenders, which take part in the first few rounds only.

    Returns:
        Seconds a call of each contender, by round.
    """
    start = time.perf_counter()
    for run in contenders.values():
        run()
    calls = {
        name: 1 if name in seldom else _calls_in_a_span(run) for name, run in contenders.items()
    }
    found: dict[str, list[float]] = {name: [] for name in contenders}
    for number in range(rounds):
        round_start = time.perf_counter()
        for name, run in contenders.items():
            if number < SELDOM_ROUNDS or name not in seldom:
                time.sleep(REST)
                found[name].append(_seconds_a_call(run, calls[name]))
        end = time.perf_counter()
        if end - start + (end - round_start) > seconds:
            break
    return found


def _calls_in_a_span(run: Callable[[], None]) -> int:
    return min(math.ceil(SPAN / _seconds_a_call(run, 1)), MOST_CALLS)


def _seconds_a_call(run: Callable[[], None], calls: int) -> float:
    start = time.perf_counter()
    for _ in range(calls):
        run()
    return (time.perf_counter() - start) / calls
