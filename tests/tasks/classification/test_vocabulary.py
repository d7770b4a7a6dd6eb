"""How texts and sequences become numbers."""

import json

import pytest
import torch

from elman.data.tables import LabelledText
from elman.errors import CheckpointError, ConfigError, DataError
from elman.tasks.classification import ClassificationConfig, Vocabulary
from elman.tasks.classification.cutting import is_longer, parts_of, pieces, tokenise
from elman.tasks.labels import FILE


def rows(*pairs):
    return [LabelledText(text, label, "file, line 1") for text, label in pairs]


def config(**settings):
    return ClassificationConfig(**settings)


@pytest.mark.parametrize(
    ("settings", "text", "expected"),
    [
        ({}, "Don't go, Ann!", ["don't", "go", ",", "ann", "!"]),
        ({"lowercase": False}, "Ann", ["Ann"]),
        ({"unit": "char"}, " Ann B", ["a", "n", "n", " ", "b"]),
        ({"model": "mlp", "order": 2}, "a b c", ["a", "b", "c", "a b", "b c"]),
        (
            {"model": "mlp", "unit": "char", "order": 3},
            "ab",
            [" ", "a", "b", " ", " a", "ab", "b ", " ab", "ab "],
        ),
        ({"model": "mlp", "order": 3}, "a", ["a"]),
        ({"model": "mlp", "unit": "char"}, " ", []),
    ],
)
def test_texts_are_cut(settings, text, expected):
    assert tokenise(config(**settings), text) == expected


def test_long_texts_lose_their_middle():
    short = config(max_length=3)
    assert pieces(short, "a b c d e") == ["a", "b", "e"]
    assert is_longer(short, "a b c d")
    assert not is_longer(short, "a b longword")
    numbers = config(unit="number", max_length=2)
    vocabulary = Vocabulary.gather(numbers, rows(("1 2 3 4", "x"), ("1", "y")))
    assert vocabulary.encode(numbers, "1 2 3 4", "here").tolist() == [[1], [4]]


def test_the_most_frequent_words_are_kept():
    small = config(vocabulary_size=2)
    vocabulary = Vocabulary.gather(small, rows(("b c c a", "x"), ("b c", "y")))
    assert vocabulary.tokens == {"c": 2, "b": 3}
    assert vocabulary.encode(small, "a b c", "here").tolist() == [1, 3, 2]
    assert vocabulary.labels == {"x": 0, "y": 1}
    assert vocabulary.encode_label("z") == -1


def test_empty_texts_and_sequences_have_no_step():
    for unit, width in (("word", ()), ("char", ()), ("number", (1,))):
        own = config(unit=unit)
        vocabulary = Vocabulary.gather(own, rows(("1 2", "x"), ("", "y")))
        assert vocabulary.encode(own, " ", "here").shape == (0, *width)


def test_what_was_saved_is_loaded(tmp_path):
    own = config(unit="number")
    for vocabulary in (
        Vocabulary.gather(
            config(subwords=True), rows(("größere größer 日本", "ja"), ("b", "nein"))
        ),
        Vocabulary.gather(own, rows(("1,2", "x"), ("3,4", "y"))),
    ):
        vocabulary.save(tmp_path)
        assert Vocabulary.load(tmp_path) == vocabulary
    assert torch.equal(vocabulary.encode(own, "5,6", "here"), torch.tensor([[5.0, 6.0]]))


def test_words_have_the_parts_that_others_share():
    assert parts_of("ab") == ["<ab", "ab>", "<ab>"]
    own = config(subwords=True)
    vocabulary = Vocabulary.gather(own, rows(("walking talking", "x"), ("walks cat", "y")))
    shared = ["<wa", "<wal", "<walk", "alk", "alki", "alkin", "ing", "ing>", "kin", "king"]
    shared += ["king>", "lki", "lkin", "lking", "ng>", "wal", "walk"]
    assert list(vocabulary.parts) == shared
    steps = vocabulary.encode(own, "cats balking", "here")
    assert steps[:, 0].tolist() == [1, 1]
    assert not steps[0, 1:].any()
    found = [list(vocabulary.parts)[n - 2] for n in steps[1, 1:].tolist()]
    assert found == [part for part in parts_of("balking") if part in shared]
    assert vocabulary.encode(own, "", "here").shape == (0, 2)
    assert vocabulary.encode(own, "zzz", "here").tolist() == [[1, 0]]


@pytest.mark.parametrize("text", ["", "[]", "{}", json.dumps({"labels": 3, "features": "x"})])
def test_a_damaged_file_is_told(tmp_path, text):
    (tmp_path / FILE).write_text(text)
    with pytest.raises(CheckpointError, match="damaged"):
        Vocabulary.load(tmp_path)


def test_a_missing_file_is_told(tmp_path):
    with pytest.raises(CheckpointError, match="missing"):
        Vocabulary.load(tmp_path)


@pytest.mark.parametrize(
    ("settings", "pairs", "message"),
    [
        ({}, [("a", "x"), ("b", "x")], "all rows to learn from have the label 'x'"),
        ({}, [("", "x"), (" ", "y")], "every text to learn from is empty"),
        ({"unit": "number"}, [("", "x"), (" ", "y")], "every sequence to learn from is empty"),
        ({"unit": "number"}, [("a", "x"), ("1", "y")], "line 1: 'a' is not a finite number"),
    ],
)
def test_what_nothing_can_be_learnt_from_is_refused(settings, pairs, message):
    with pytest.raises(DataError, match=message):
        Vocabulary.gather(config(**settings), rows(*pairs))


def test_steps_of_another_width_are_refused():
    own = config(unit="number")
    vocabulary = Vocabulary.gather(own, rows(("1,2", "x"), ("3,4", "y")))
    with pytest.raises(DataError, match="here: steps have 3 numbers, those learnt from 2"):
        vocabulary.encode(own, "1,2,3", "here")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"vectors": "f", "unit": "char"}, "--vectors are of words"),
        ({"vectors": "f", "model": "mlp"}, "--vectors are of words"),
        ({"subwords": True, "unit": "char"}, "--subwords are of words"),
        ({"text_column": "label"}, "are both 'label'"),
        ({"hidden_size": 0}, "--hidden-size must be at least 1"),
    ],
)
def test_settings_that_contradict_are_refused(settings, message):
    with pytest.raises(ConfigError, match=message):
        config(**settings)
