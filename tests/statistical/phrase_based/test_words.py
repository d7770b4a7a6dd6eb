"""First words get their usual case."""

from elman.statistical.phrase_based.words import Casing, raise_first


def test_first_words_are_written_as_within_sentences():
    sentences = [["The", "dog", "in", "Rome"], ["Rome", "is", "the", "best"], ["Go", "the", "way"]]
    casing = Casing.count(sentences)
    assert [casing.lower_first(s)[0] for s in sentences] == ["the", "Rome", "Go"]
    assert casing.lower_first([]) == []


def test_the_first_letter_is_raised():
    assert raise_first('"ein Hund.') == '"Ein Hund.'
    assert raise_first("...") == "..."
