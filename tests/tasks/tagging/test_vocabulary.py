import pytest
import torch

from elman.errors import CheckpointError, DataError
from elman.tasks.tagging.vocabulary import FIRST, LONGEST_WORD, PADDING, UNKNOWN, Vocabulary

SENTENCES = [
    (("EU", "rejects", "German", "call"), ("I-ORG", "O", "I-MISC", "O")),
    (("Peter", "Blackburn", "rejects"), ("I-PER", "I-PER", "O")),
]


def gather(**options):
    return Vocabulary.gather(SENTENCES, **({"lowercase": True, "size": None} | options))


def test_frequent_words_come_first_and_case_can_be_ignored():
    vocabulary = gather()
    assert next(iter(vocabulary.words)) == "rejects"
    assert vocabulary.words.keys() == {"eu", "rejects", "german", "call", "peter", "blackburn"}
    assert gather(lowercase=False, size=2).words.keys() == {"rejects", "Blackburn"}


def test_words_and_their_characters_become_numbers():
    vocabulary = gather()
    found = vocabulary.encode_words(["eu", "Zürich"], spelling=True)
    e, u = vocabulary.characters["e"], vocabulary.characters["u"]
    assert found[0].tolist() == [vocabulary.words["eu"], e, u, *[PADDING] * 4]
    assert found[1, :3].tolist() == [UNKNOWN, UNKNOWN, UNKNOWN]
    assert found[1, 3] == vocabulary.characters["r"] >= FIRST
    assert vocabulary.encode_words(["eu"], spelling=False).shape == (1, 1)


def test_of_a_very_long_word_both_ends_are_read():
    vocabulary = gather()
    found = vocabulary.encode_words(["E" * 1000 + "r" * 1000], spelling=True)[0, 1:]
    assert len(found) == LONGEST_WORD
    assert (found[0], found[-1]) == (vocabulary.characters["E"], vocabulary.characters["r"])


def test_tags_come_back_in_the_scheme_of_the_file():
    vocabulary = gather()
    tags = ["I-PER", "I-PER", "B-PER", "O", "I-MISC"]
    numbers = vocabulary.encode_tags(tags)
    names = list(vocabulary.tags)
    assert [names[n] if n >= 0 else None for n in numbers] == [
        "B-PER",
        "E-PER",
        None,
        "O",
        "S-MISC",
    ]
    assert vocabulary.decode_tags(vocabulary.encode_tags(tags[:2])) == tags[:2]
    assert vocabulary.scheme == "IOB1"


def test_parts_of_speech_are_kept_as_they_are():
    vocabulary = Vocabulary.gather([(("a", "b"), ("NOUN", "X"))], lowercase=True, size=None)
    assert vocabulary.scheme is None
    assert vocabulary.allowed() is None
    assert vocabulary.decode_tags(vocabulary.encode_tags(["X", "NOUN"])) == ["X", "NOUN"]


def test_what_is_allowed_is_the_scheme():
    vocabulary = gather()
    allowed = vocabulary.allowed()
    names = list(vocabulary.tags)
    begin, end, single = map(names.index, ("B-PER", "E-PER", "S-ORG"))
    assert allowed.transitions[begin, end]
    assert not allowed.transitions[begin, single]
    assert not allowed.start[end]
    assert not allowed.end[begin]
    assert torch.equal(allowed.start, allowed.transitions[single])


def test_it_is_saved_and_loaded(tmp_path):
    vocabulary = gather(size=3)
    vocabulary.save(tmp_path)
    assert Vocabulary.load(tmp_path) == vocabulary


@pytest.mark.parametrize("text", ["", "[]", '{"words": 3}'])
def test_damage_is_told(tmp_path, text):
    (tmp_path / "labels.json").write_text(text)
    with pytest.raises(CheckpointError, match="damaged"):
        Vocabulary.load(tmp_path)


def test_absence_is_told(tmp_path):
    with pytest.raises(CheckpointError, match="missing"):
        Vocabulary.load(tmp_path)


def test_words_without_tags_are_refused():
    with pytest.raises(DataError, match="no tags"):
        Vocabulary.gather([(("a",), ())], lowercase=True, size=None)
