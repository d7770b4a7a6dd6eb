import math

import pytest

from elman.metrics import language_model_summary


def test_every_unit_agrees_with_the_product_of_probabilities():
    # Three tokens of probability 1/2, 1/4 and 1/8, written with twelve characters: six bits.
    summary = language_model_summary(-math.log(1 / 2 * 1 / 4 * 1 / 8), tokens=3, characters=12)
    assert list(summary) == [
        "tokens", "loss", "perplexity", "bits_per_token", "bits_per_character",
    ]  # fmt: skip
    assert summary["tokens"] == 3
    assert summary["loss"] == pytest.approx(2 * math.log(2))
    assert summary["perplexity"] == pytest.approx(4.0)
    assert summary["bits_per_token"] == pytest.approx(2.0)
    assert summary["bits_per_character"] == pytest.approx(0.5)


@pytest.mark.parametrize("loss", [710.0, 1e308, math.inf])
def test_perplexity_beyond_the_range_is_infinite(loss):
    assert language_model_summary(loss, 1, 1)["perplexity"] == math.inf


def test_perplexity_just_inside_the_range_is_finite():
    assert language_model_summary(709.7, 1, 1)["perplexity"] == math.exp(709.7)


def test_a_loss_that_is_not_a_number_stays_so():
    assert math.isnan(language_model_summary(math.nan, 1, 1)["perplexity"])


@pytest.mark.parametrize(("tokens", "characters"), [(0, 5), (5, 0)])
def test_an_empty_text_is_refused(tokens, characters):
    with pytest.raises(ValueError, match="at least one token"):
        language_model_summary(1.0, tokens, characters)
