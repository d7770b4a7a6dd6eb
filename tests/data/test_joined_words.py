"""Words and marks are had back as they were."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elman.data.joined_words import JOINER, join_marks, split_marks

punctuated = st.text(st.sampled_from("ab3 .,-'\u2019\"()_\u00e4\n%"))


@given(st.text() | punctuated)
def test_joining_undoes_splitting(text):
    assert join_marks(split_marks(text)) == " ".join(text.replace(JOINER, " ").split())


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("A man's hat.", ["A", "man", "J's", "hat", "J."]),
        ('He said "no".', ["He", "said", '"J', "no", 'J"', "J."]),
        ("1,000.5 kg (wet)", ["1,000.5", "kg", "(J", "wet", "J)"]),
        ("semi-open 'cup'", ["semi", "J-J", "open", "'J", "cup", "J'"]),
        ("T R IH P AH L EY", ["T", "R", "IH", "P", "AH", "L", "EY"]),
        ("", []),
    ],
)
def test_marks_stand_alone_and_words_are_unchanged(text, words):
    assert split_marks(text) == [word.replace("J", JOINER) for word in words]
