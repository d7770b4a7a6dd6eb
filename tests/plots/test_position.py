import math

import numpy as np
import pytest

from elman.plots import loss_by_position
from elman.plots.style import COLOURS


def test_every_system_is_drawn(pixels, count_of):
    losses = {f"system {index}": np.full(100, 2.0 + index) for index in range(3)}
    image = pixels(loss_by_position, losses)
    assert all(count_of(image, COLOURS[index]) > 500 for index in range(3))


@pytest.mark.parametrize(
    "losses",
    [{"one": [3.0]}, {"gaps": [math.nan, 2.0, math.inf, 3.0]}, {"日本 $": [1.0, 2.0], "_": []}],
)
def test_odd_series_are_drawn(pixels, count_of, losses):
    assert count_of(pixels(loss_by_position, losses), COLOURS[0]) > 20


@pytest.mark.parametrize("losses", [{}, {"empty": []}, {"nan": [math.nan]}])
def test_nothing_to_draw_is_refused(losses, tmp_path):
    with pytest.raises(ValueError, match="finite loss"):
        loss_by_position(losses, tmp_path / "a.png")
