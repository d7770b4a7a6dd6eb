"""Paired timing: contenders take turns in one process, so that a busy machine slows all alike."""

import statistics
import time
from collections.abc import Callable, Mapping


def interleaved_seconds(
    contenders: Mapping[str, Callable[[], None]], rounds: int
) -> dict[str, list[float]]:
    """Run contenders in turn after one warm-up round; return each one's seconds by round."""
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    for round_number in range(rounds + 1):
        for name, run in contenders.items():
            start = time.perf_counter()
            run()
            if round_number > 0:
                seconds[name].append(time.perf_counter() - start)
    return seconds


def compare(
    title: str, contenders: Mapping[str, Callable[[], None]], items: int, rounds: int = 40
) -> None:
    """Print medians, items a second, and the median paired ratio to the first contender."""
    seconds = interleaved_seconds(contenders, rounds)
    base = next(iter(seconds.values()))
    print(f"{title}: {'contender':<24} {'ms':>8} {'items/s':>10} {'first/this':>11}")
    for name, times in seconds.items():
        ratio = statistics.median(b / t for b, t in zip(base, times, strict=True))
        median = statistics.median(times)
        print(
            f"{'':{len(title)}}  {name:<24} {median * 1e3:8.2f} {items / median:10,.0f} "
            f"{ratio:11.2f}"
        )
