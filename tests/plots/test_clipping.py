import math

import pytest

from elman.plots import clipped_updates
from elman.plots.style import COLOURS


def records(norms, shares):
    return [
        {"step": 50 * (index + 1), "gradient_norm": norm, "clipped": share}
        for index, (norm, share) in enumerate(zip(norms, shares, strict=True))
    ]


def test_the_share_of_clipped_updates_is_an_area(pixels, count_of):
    half = pixels(clipped_updates, records([1.0] * 10, [0.5] * 10), 1.0)
    whole = pixels(clipped_updates, records([1.0] * 10, [1.0] * 10), 1.0)
    ratio = count_of(whole, COLOURS[1]) / count_of(half, COLOURS[1])
    assert ratio == pytest.approx(2.0, rel=0.05)


@pytest.mark.parametrize("clip", [1.0, 1e-6, math.inf])
def test_norms_are_drawn_whatever_the_clip(pixels, count_of, clip):
    image = pixels(clipped_updates, records([3.0, 2.0, 0.5, 0.4], [1, 1, 0, 0]), clip)
    assert count_of(image, COLOURS[0]) > 300


def test_nothing_to_draw_is_refused(tmp_path):
    with pytest.raises(ValueError, match="nothing to draw"):
        clipped_updates([], 1.0, tmp_path / "a.png")
