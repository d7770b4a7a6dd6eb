from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elman.errors import MissingExtraError
from elman.metrics import (
    Pronunciation,
    edit_distance,
    pronunciation_summary,
    translation_summary,
)

WORDS = st.lists(st.sampled_from("abc"), max_size=6)


@cache
def by_definition(first, second):
    if not first or not second:
        return len(first) + len(second)
    replaced = by_definition(first[1:], second[1:]) + (first[0] != second[0])
    return min(by_definition(first[1:], second) + 1, by_definition(first, second[1:]) + 1, replaced)


@given(WORDS, WORDS)
def test_edit_distance_is_the_least_number_of_edits(first, second):
    assert edit_distance(first, second) == by_definition(tuple(first), tuple(second))


def test_any_reference_makes_a_pronunciation_right():
    answers = [
        Pronunciation(["K", "AE", "T"], [["K", "AA", "T"], ["K", "AE", "T"]]),
        Pronunciation(["D", "AO", "G", "Z"], [["D", "AO", "G"], ["D", "AA"]]),
        Pronunciation([], [["AH"]]),
    ]
    summary = pronunciation_summary(answers)
    # One edit to a reference of three phonemes, one to a reference of one, none of three.
    assert summary == {"words": 3, "word_error": 2 / 3, "phoneme_error": 2 / 7}


def test_translations_are_measured_as_raw_text():
    references = ["The cat sat on the mat.", "Two dogs run through the deep snow."]
    found = ["the cat sat on the mat.", "Two dogs run through deep snow."]
    right = translation_summary(references, references)
    assert (right["bleu"], right["chrf"]) == (pytest.approx(100.0), pytest.approx(100.0))
    summary = translation_summary(found, references)
    assert summary["sentences"] == 2
    assert 20 < summary["bleu"] < summary["bleu_lowercase"] < 90


def test_what_is_missing_is_named(monkeypatch):
    monkeypatch.setattr("elman.metrics.translation.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"elman\[translate\]"):
        translation_summary(["a"], ["a"])
