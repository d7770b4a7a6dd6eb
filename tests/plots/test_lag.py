import math

import numpy as np
import pytest

from elman.plots import gradient_norm_by_lag
from elman.plots.style import COLOURS


def test_only_the_norm_relative_to_lag_zero_counts(pixels):
    norms = np.exp(-0.1 * np.arange(50))
    assert (
        pixels(gradient_norm_by_lag, {"LSTM": norms})
        == pixels(gradient_norm_by_lag, {"LSTM": 1024.0 * norms})
    ).all()


def test_every_system_is_drawn_and_exponential_decay_is_straight(pixels, count_of):
    image = pixels(
        gradient_norm_by_lag,
        {"Elman": np.exp(-0.5 * np.arange(60)), "LSTM": np.exp(-0.02 * np.arange(60))},
    )
    assert count_of(image, COLOURS[1]) > 500
    blue = (image == [int(COLOURS[0][place : place + 2], 16) for place in (1, 3, 5)]).all(-1)
    rows, columns = np.nonzero(blue[:, int(0.3 * image.shape[1]) : int(0.8 * image.shape[1])])
    slope, offset = np.polyfit(columns, rows, 1)
    assert np.abs(rows - slope * columns - offset).max() < 4


@pytest.mark.parametrize(
    "norms",
    [
        {"one": [2.0]},
        {"vanished": [1.0, 1e-300, 0.0, 0.0]},
        {"not finite": [1.0, math.nan, 0.5, math.inf]},
        {"日本 $x$": [1.0, 0.5], "_b": [1.0, 2.0]},
    ],
)
def test_odd_series_are_drawn(pixels, count_of, norms):
    assert count_of(pixels(gradient_norm_by_lag, norms), COLOURS[0]) > 20


@pytest.mark.parametrize(
    "norms", [{}, {"a": []}, {"a": [0.0, 1.0]}, {"a": [math.nan]}, {"a": [math.inf]}]
)
def test_series_without_a_start_are_refused(norms, tmp_path):
    with pytest.raises(ValueError, match=r"lag 0|empty"):
        gradient_norm_by_lag(norms, tmp_path / "a.png")
