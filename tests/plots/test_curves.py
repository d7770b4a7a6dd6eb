import math

import pytest

from elman.plots import learning_curves
from elman.plots.style import COLOURS, FAINT


def run(steps=30, **more):
    return [
        {"step": step, "epoch": 0, "split": split, "loss": 4.0 / (step + 1) + 1.0, **more}
        for step in range(steps)
        for split in ("train", "valid")
    ]


def test_both_splits_are_drawn(pixels, count_of):
    image = pixels(learning_curves, run())
    assert count_of(image, COLOURS[1]) > 500
    shifted = [{**r, "loss": r["loss"] + (r["split"] == "train")} for r in run()]
    assert count_of(pixels(learning_curves, shifted), COLOURS[0]) > 500


def test_the_learning_rate_is_drawn_below(pixels, count_of):
    without = pixels(learning_curves, run())
    with_rate = pixels(learning_curves, run(learning_rate=0.1))
    assert with_rate.shape[0] > without.shape[0]
    assert count_of(with_rate[-260:], FAINT) > count_of(without[-260:], FAINT) + 1000


def test_perplexity_has_an_axis_where_it_is_recorded(pixels):
    without = pixels(learning_curves, run())
    with_axis = pixels(learning_curves, run(perplexity=3.0))
    right = slice(int(0.93 * without.shape[1]), None)
    assert (with_axis[:, right] != without[:, right]).any()


@pytest.mark.parametrize(
    "records",
    [
        run(1),
        run(1, perplexity=2.0, learning_rate=0.0),
        [*run(5), {"step": 5, "split": "train", "loss": math.nan, "perplexity": math.nan}],
        [*run(5), {"step": 5, "split": "valid", "loss": math.inf, "learning_rate": math.nan}],
        [*run(5), {"step": 5, "split": "valid", "loss": None}],
        [{**record, "split": "日本 $x$ _"} for record in run(3)],
        [{**record, "loss": record["loss"] * 1e6, "perplexity": 1.0} for record in run(3)],
        [{**record, "loss": 2.0, "perplexity": 7.4} for record in run(3)],
        run(500, perplexity=2.0),
    ],
    ids=["point", "zero rate", "nan", "inf", "none", "glyphs", "huge", "flat", "long"],
)
def test_odd_records_are_drawn(pixels, count_of, records):
    image = pixels(learning_curves, records)
    plot = image[: image.shape[0] // 2 + 100]
    assert max(count_of(plot, colour) for colour in COLOURS) > 20


@pytest.mark.parametrize("records", [[], [{"step": 1, "split": "train", "loss": math.nan}]])
def test_nothing_to_draw_is_refused(records, tmp_path):
    with pytest.raises(ValueError, match="finite loss"):
        learning_curves(records, tmp_path / "a.png")
    assert list(tmp_path.iterdir()) == []
