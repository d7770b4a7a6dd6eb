import numpy as np
import pytest

from elman.plots import unit_activations

LOW, HIGH, NOT_A_NUMBER = "#5b9bd5", "#f0935a", "#c4c7cc"


def test_boxes_have_the_colour_of_the_activation(pixels, count_of):
    spaces = [" "] * 30
    low, high, nan = (
        pixels(unit_activations, spaces, np.full((30, 1), value), ["unit"])
        for value in (-1.0, 1.0, np.nan)
    )
    assert count_of(low, LOW) > 20 * count_of(high, LOW) > 0
    assert count_of(high, HIGH) > 20 * count_of(low, HIGH) > 0
    assert count_of(nan, NOT_A_NUMBER) > 1000 > count_of(low, NOT_A_NUMBER)


def test_boxes_stand_where_their_tokens_do(pixels):
    tokens = [" "] * 40
    activations = np.where(np.arange(40) < 10, 1.0, -1.0)[:, None]
    image = pixels(unit_activations, tokens, activations, ["unit"])
    row = int((0.15 + 0.36 + 0.1) * 150)
    high, low = (
        np.nonzero((image[row] == [int(c[p : p + 2], 16) for p in (1, 3, 5)]).all(-1))[0]
        for c in (HIGH, LOW)
    )
    assert high.max() < low.min()
    assert len(low) / len(high) == pytest.approx(3.0, abs=0.1)


def test_activations_beyond_one_have_the_colour_of_the_end(pixels):
    tokens = list("colour")
    assert (
        pixels(unit_activations, tokens, np.full((6, 1), 9.0), ["unit"])
        == pixels(unit_activations, tokens, np.full((6, 1), 1.0), ["unit"])
    ).all()


def test_units_stand_one_beneath_another(pixels):
    one = pixels(unit_activations, list("some text"), np.zeros((9, 1)), ["a"])
    three = pixels(unit_activations, list("some text"), np.zeros((9, 3)), ["a", "b", "c"])
    assert three.shape[0] > 1.6 * one.shape[0]
    assert three.shape[1] == one.shape[1]


def test_letters_are_drawn(pixels):
    written = pixels(unit_activations, list("MMMM"), np.zeros((4, 1)), ["a"])
    blank = pixels(unit_activations, list("    "), np.zeros((4, 1)), ["a"])
    assert (written.sum(-1) < 300).sum() > (blank.sum(-1) < 300).sum() + 100


@pytest.mark.parametrize(
    "tokens",
    [["日本", "😀", "हि", "\t", "\x00"], ["$", "$x$", "\\", "_"], [""], ["\n"], ["w" * 99]],
)
def test_odd_tokens_are_drawn(pixels, tokens):
    image = pixels(unit_activations, tokens, np.ones((len(tokens), 1)), ["_日本 $x$\n"], gap=1)
    assert image.min() < 100


@pytest.mark.parametrize(
    ("tokens", "shape", "labels"),
    [([], (0, 1), ["a"]), (["x"], (1, 0), []), (["x"], (2, 1), ["a"]), (["x"], (1, 2), ["a"])],
)
def test_sizes_that_do_not_agree_are_refused(tokens, shape, labels, tmp_path):
    with pytest.raises(ValueError, match="Activations must be"):
        unit_activations(tokens, np.zeros(shape), labels, tmp_path / "a.png")


def test_a_text_too_long_for_a_picture_is_refused(tmp_path):
    with pytest.raises(ValueError, match="shorter text"):
        unit_activations(["\n"] * 3000, np.zeros((3000, 1)), ["a"], tmp_path / "a.png")
