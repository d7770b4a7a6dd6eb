import pytest

from elman.data.running_text import split_words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "It's 3.5 o'clock, isn\u2019t it?",
            ["It's", "3.5", "o'clock", ",", "isn\u2019t", "it", "?"],
        ),
        ("well-known U.S. firms", ["well-known", "U.S", ".", "firms"]),
        ("(a) -- b", ["(", "a", ")", "-", "-", "b"]),
        ("  ", []),
    ],
)
def test_words_and_marks(text, words):
    assert split_words(text) == words
