import numpy as np
import pytest
import torch

from elman.tasks.tagging.hidden_states import (
    HiddenStateTagger,
    many_to_one,
    measure_states,
)

VOWELS, CONSONANTS = list("aeiou"), list("bcdfgklmnprst")


@pytest.fixture(scope="module")
def letters():
    """Words whose letters are vowels and consonants in turn, almost always."""
    draw = np.random.default_rng(1)

    def word():
        begin = draw.integers(2)
        kinds = [(begin + t + (draw.random() < 0.05)) % 2 for t in range(draw.integers(3, 9))]
        return [str(draw.choice((VOWELS, CONSONANTS)[kind])) for kind in kinds]

    return [word() for _ in range(300)]


@pytest.fixture(scope="module")
def tagger(letters):
    return HiddenStateTagger.fit(letters, VOWELS + CONSONANTS, 2, seed=1, say=print)


def test_vowels_and_consonants_are_found(tagger):
    vowels, consonants = tagger.look_up(VOWELS), tagger.look_up(CONSONANTS)
    assert len(set(vowels.argmax(dim=1).tolist())) == 1
    assert set(consonants.argmax(dim=1).tolist()) == {1 - int(vowels[0].argmax())}


def test_the_loss_is_below_that_of_single_letters(tagger, letters):
    counts = np.unique([letter for word in letters for letter in word], return_counts=True)[1]
    shares = counts / counts.sum()
    assert tagger.loss(letters) < -(shares * np.log(shares)).sum() - 0.3


def test_unknown_words_are_possible_and_alike(tagger):
    first, second, known = tagger.look_up(["?", "!", "a"])
    assert torch.equal(first, second)
    assert not torch.equal(first, known)
    assert np.isfinite(tagger.loss([["a", "?", "!"]]))


def test_it_comes_back_from_its_arrays_and_is_the_same_by_its_seed(tagger, letters):
    again = HiddenStateTagger.from_arrays(tagger.arrays(), VOWELS + CONSONANTS)
    assert torch.equal(again.look_up(["a", "b", "?"]), tagger.look_up(["a", "b", "?"]))
    once_more = HiddenStateTagger.fit(letters, VOWELS + CONSONANTS, 2, seed=1, say=print)
    assert all(torch.equal(a, b) for a, b in zip(*map(arrays, (tagger, once_more)), strict=True))


def arrays(tagger):
    return tagger.arrays().values()


def test_each_state_stands_for_the_tag_it_meets_most_often():
    pairs = [(("N", "V", "N"), ("0", "1", "0")), (("V", "D"), ("0", "1"))]
    assert many_to_one(pairs) == pytest.approx(3 / 5)


def test_without_tags_only_the_loss_is_measured(tagger):
    words = [["a", "b"], ["c"]]
    found = measure_states(tagger, words, [((), ("0", "1")), ((), ("0",))])
    assert found == {"sentences": 2, "tokens": 3, "loss": tagger.loss(words)}
