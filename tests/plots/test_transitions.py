import numpy as np
import pytest

from elman.plots import transition_matrix

NAMES = ["O", "B-PER", "$x_"]


def darkness(image):
    """How many pixels are coloured, and how many of them are blue rather than red."""
    low, red, blue = image.min(-1), image[..., 0], image[..., 2]
    return int((low < 200).sum()), int(((blue - red) > 60).sum()), int(((red - blue) > 60).sum())


def test_the_sign_of_a_weight_is_its_colour(pixels):
    weights = np.array([[2.0, 2.0, np.nan], [2.0, np.nan, 2.0], [2.0, 2.0, 2.0]])
    _, blue, red = darkness(pixels(transition_matrix, weights, NAMES, NAMES, meaning="weight"))
    weights[1:] *= -1
    _, less, more = darkness(pixels(transition_matrix, weights, NAMES, NAMES, meaning="weight"))
    assert less < blue / 2
    assert more > 2 * red


def test_probabilities_have_one_colour_and_more_of_it_when_larger(pixels):
    shares = np.full((3, 3), 0.1)
    few = darkness(pixels(transition_matrix, np.eye(3), NAMES, NAMES, meaning="probability"))
    same = darkness(pixels(transition_matrix, shares, NAMES, NAMES, meaning="probability"))
    assert same[1] > 2 * few[1]  # the largest value is the darkest, whatever it is
    assert few[2] < few[1] / 10


def test_many_labels_stay_within_a_page(pixels):
    names = [f"tag {number}" for number in range(80)]
    image = pixels(transition_matrix, np.eye(80), names, names, meaning="probability")
    assert max(image.shape) < 2500


def test_nothing_to_draw_is_refused(tmp_path):
    nothing = np.full((1, 1), np.nan)
    with pytest.raises(ValueError, match="no transition"):
        transition_matrix(nothing, ["O"], ["O"], tmp_path / "a.png", meaning="weight")
