"""A table of contenders that took turns in one process."""

import statistics
from collections.abc import Callable, Mapping

from elman.bench import interleaved_seconds


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
