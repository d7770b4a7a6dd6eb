import numpy as np
import pytest

from elman.plots import AttendedText, attention_over_words


def text(words, weights, title="class"):
    return AttendedText(title, words, np.array(weights))


def test_the_ground_is_darkest_where_the_weight_is_largest(pixels):
    words = ["mmmmmmmmmm"] * 4
    first, last = (
        pixels(attention_over_words, [text(words, weights)])
        for weights in ([0.97, 0.01, 0.01, 0.01], [0.01, 0.01, 0.01, 0.97])
    )
    colour = first[np.abs(first - [253, 141, 60]).sum(-1) < 60]
    assert len(colour) > 500

    def place(image):
        near = np.abs(image - [253, 141, 60]).sum(-1) < 60
        return np.nonzero(near)[1].mean()

    assert place(first) + 200 < place(last)


def test_texts_stand_one_beneath_another(pixels):
    one = text(["some", "words"], [0.5, 0.5])
    assert (
        pixels(attention_over_words, [one] * 3).shape[0]
        > 2 * pixels(attention_over_words, [one]).shape[0]
    )


def test_long_texts_take_several_lines(pixels):
    short, long = (
        pixels(attention_over_words, [text(["word"] * n, [1 / n] * n)]) for n in (5, 100)
    )
    assert long.shape[0] > short.shape[0] + 50
    assert long.shape[1] == short.shape[1]


@pytest.mark.parametrize("words", [["日本", "$x$", "\n"], ["w" * 500], ["_"], ["\\"]])
def test_odd_words_are_drawn(pixels, words):
    weights = [0.0] * len(words)
    image = pixels(attention_over_words, [text(words, weights, title="_日本 $x$")], gap=0)
    assert image.min() < 100


@pytest.mark.parametrize("texts", [[], [text([], [])], [text(["a"], [0.5, 0.5])]])
def test_what_does_not_fit_is_refused(texts, tmp_path):
    with pytest.raises(ValueError, match="a weight each"):
        attention_over_words(texts, tmp_path / "a.png")
