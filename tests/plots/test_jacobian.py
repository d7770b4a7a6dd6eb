import numpy as np
import pytest

from elman.plots import Spectrum, recurrent_jacobians
from elman.plots.style import COLOURS, INK


def spectrum(largest, radius):
    values = np.linspace(largest, 0.1, 8)[None].repeat(20, 0)
    return Spectrum(range(20), [radius] * 20, values)


def test_every_system_has_a_panel_on_one_scale(pixels, count_of):
    image = pixels(recurrent_jacobians, {"a": spectrum(0.8, 0.5), "b": spectrum(4.0, 1.1)})
    for colour in (*COLOURS[:2], INK):
        assert count_of(image, colour) > 300
    # Of two lines at the same height above their axes the one of the larger value is higher.
    blue, orange = (
        np.nonzero((image == [int(c[i : i + 2], 16) for i in (1, 3, 5)]).all(-1))[0]
        for c in COLOURS[:2]
    )
    half = image.shape[0] / 2
    assert np.median(orange) - half < np.median(blue)


def test_nothing_to_draw_is_refused(tmp_path):
    with pytest.raises(ValueError, match="empty"):
        recurrent_jacobians({}, tmp_path / "a.png")
