import numpy as np
import pytest

from elman.plots import story_attention

DARKEST = "#08306b"  # of matplotlib's Blues


def test_the_share_is_the_colour(pixels, count_of):
    sentences = ["Mary left.", "John $ has 日本 the _apple_."]
    none = pixels(story_attention, sentences, "Where?", np.zeros((2, 2)))
    first = pixels(story_attention, sentences, "Where?", np.array([[1.0, 0.0], [0.0, 0.0]]))
    both = pixels(story_attention, sentences, "Where?", np.array([[1.0, 0.0], [0.0, 1.0]]))
    assert count_of(none, DARKEST) == 0
    assert count_of(first, DARKEST) > 500
    assert count_of(both, DARKEST) > 1.9 * count_of(first, DARKEST)
    rows, columns = np.nonzero((both == [8, 48, 107]).all(-1))
    low = rows > (rows.min() + rows.max()) / 2
    assert columns[low].min() > columns[~low].max()  # hops to the right, sentences down


def test_a_long_story_makes_a_tall_picture(pixels):
    short, long = (
        pixels(story_attention, ["It rains."] * n, "Does it?", np.full((1, n), 1 / n))
        for n in (2, 100)
    )
    assert len(long) > 5 * len(short)


@pytest.mark.parametrize(
    ("sentences", "shape"), [([], (1, 0)), (["a"], (0, 1)), (["a"], (1, 2)), (["a"], (1,))]
)
def test_sizes_that_do_not_agree_are_refused(tmp_path, sentences, shape):
    with pytest.raises(ValueError, match="story_attention expects"):
        story_attention(sentences, "Where?", np.zeros(shape), tmp_path / "a.png")


def test_what_cannot_be_drawn_is_refused(tmp_path):
    with pytest.raises(ValueError, match="too many"):
        story_attention(["a"] * 2000, "Where?", np.zeros((1, 2000)), tmp_path / "a.png")
