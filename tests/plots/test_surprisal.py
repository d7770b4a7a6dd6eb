import numpy as np
import pytest

from elman.plots import surprisal

DARK = "#f0935a"


def test_the_darkest_token_is_the_least_expected(pixels, count_of):
    even = pixels(surprisal, [" "] * 30, np.full(30, 9.0))
    one = pixels(surprisal, [" "] * 30, np.array([9.0] + [0.0] * 29))
    assert count_of(even, DARK) > 15 * count_of(one, DARK) > 0


def test_infinite_surprisal_is_as_dark_as_the_most_that_is_finite(pixels):
    tokens = list("colour")
    infinite = pixels(surprisal, tokens, np.array([np.inf, 1.0, 2.0, 4.0, 0.0, 0.0]))
    finite = pixels(surprisal, tokens, np.array([4.0, 1.0, 2.0, 4.0, 0.0, 0.0]))
    text = slice(int((0.15 + 0.36) * 150), int((0.15 + 0.36 + 0.2) * 150))
    assert (infinite[text, :60] == finite[text, :60]).all()


@pytest.mark.parametrize(("tokens", "bits"), [([], np.zeros(0)), (["a"], np.zeros(2))])
def test_sizes_that_do_not_agree_are_refused(tokens, bits, tmp_path):
    with pytest.raises(ValueError, match="Surprisal must be"):
        surprisal(tokens, bits, tmp_path / "a.png")
