import math

import numpy as np
import pytest

from elman.plots import system_bars
from elman.plots.bars import BAR_COLOUR


def bar_lengths(image):
    """Longest run of bar pixels in each band of rows that holds a bar."""
    colour = [int(BAR_COLOUR[place : place + 2], 16) for place in (1, 3, 5)]
    widths = (image == colour).all(-1).sum(1)
    starts = np.nonzero(np.diff(np.concatenate([[0], widths > 0])) == 1)[0]
    ends = np.nonzero(np.diff(np.concatenate([widths > 0, [0]])) == -1)[0]
    return [widths[start : end + 1].max() for start, end in zip(starts, ends, strict=True)]


def test_bars_are_in_proportion(pixels):
    intervals = [(100.0, 90.0, 110.0), (50.0, 45.0, 55.0), (25.0, 24.0, 26.0)]
    first, second, third = bar_lengths(pixels(system_bars, ["a", "b", "c"], intervals))
    assert first / second == pytest.approx(2.0, rel=0.02)
    assert second / third == pytest.approx(2.0, rel=0.03)


def test_intervals_are_drawn(pixels):
    narrow = pixels(system_bars, ["a"], [(100.0, 99.0, 120.0)])
    wide = pixels(system_bars, ["a"], [(100.0, 40.0, 120.0)])
    (narrow_run,), (wide_run,) = bar_lengths(narrow), bar_lengths(wide)
    assert narrow_run == wide_run
    middle = slice(None, int(0.7 * narrow.shape[0]))
    assert (wide[middle] < 100).all(-1).sum() > (narrow[middle] < 100).all(-1).sum() + 1000


@pytest.mark.parametrize(
    "intervals",
    [
        [(math.inf, math.inf, math.inf), (3.0, 2.0, 4.0)],
        [(3.0, math.nan, math.nan), (-2.0, -3.0, -1.0)],
    ],
)
def test_odd_values_are_drawn(pixels, intervals):
    assert bar_lengths(pixels(system_bars, ["日本 $x$ $y$", "_b"], intervals))


def test_values_that_are_all_not_finite_are_written(pixels):
    assert pixels(system_bars, ["a"], [(math.inf, math.nan, math.inf)]).min() < 100


@pytest.mark.parametrize(("names", "intervals"), [([], []), (["a"], [])])
def test_nothing_to_draw_is_refused(names, intervals, tmp_path):
    with pytest.raises(ValueError, match="as many names"):
        system_bars(names, intervals, tmp_path / "a.png")
