import math

import pytest

from elman.plots import quality_by_length
from elman.plots.length import FEW_SENTENCES
from elman.plots.style import COLOURS

SIZES = {"1-5": 20, "6-10": 300, "11+": 40}


def test_every_system_is_drawn(pixels, count_of):
    systems = {f"run {n}": [30.0 + n, 20.0 + n, 10.0 * n] for n in range(3)}
    image = pixels(quality_by_length, SIZES, systems, quantity="BLEU")
    assert all(count_of(image, COLOURS[n]) > 500 for n in range(3))


def test_a_better_system_is_drawn_higher_and_zero_is_in_sight(pixels):
    image = pixels(quality_by_length, SIZES, {"a": [40.0] * 3, "b": [20.0] * 3}, quantity="BLEU")
    colours = [[int(colour[n : n + 2], 16) for n in (1, 3, 5)] for colour in COLOURS[:2]]
    # The legend is short: most pixels of a row are those of the level line.
    first, second = ((image == colour).all(-1).sum(1).argmax() for colour in colours)
    axis = (image[: int(0.95 * len(image)), 200:] < 180).all(-1).sum(1).argmax()
    assert axis - first == pytest.approx(2 * (axis - second), rel=0.03)


def test_points_of_few_sentences_are_hollow(pixels, count_of):
    series = {"a": [1.0, 2.0, 1.5]}
    few = {**SIZES, "6-10": FEW_SENTENCES - 1}
    full = pixels(quality_by_length, {**SIZES, "6-10": FEW_SENTENCES}, series, quantity="BLEU")
    hollow = pixels(quality_by_length, few, series, quantity="BLEU")
    assert count_of(hollow, COLOURS[0]) < count_of(full, COLOURS[0]) - 10


@pytest.mark.parametrize("series", [[1.0], [math.nan], [0.0]])
def test_odd_values_are_drawn(pixels, series):
    image = pixels(quality_by_length, {"1+": 1}, {"日本 $": series}, quantity="word error")
    assert image.min() < 100


@pytest.mark.parametrize(
    ("sizes", "systems"), [({}, {"a": []}), (SIZES, {}), (SIZES, {"a": [1.0, 2.0]})]
)
def test_values_that_do_not_fit_are_refused(sizes, systems, tmp_path):
    with pytest.raises(ValueError, match="a value for each"):
        quality_by_length(sizes, systems, tmp_path / "a.png", quantity="BLEU")
