"""Folds of questions, and what is said where there are none."""

import pytest

from elman.errors import DataError
from elman.reproduce import trec


def test_folds_cover_all_questions_once_and_never_overlap():
    rows = [str(n) for n in range(1003)]
    parts = [trec.split(rows, fold) for fold in range(1, trec.FOLDS + 1)]
    measured = [row for _, _, test in parts for row in test]
    assert sorted(measured) == sorted(rows)
    for train, valid, test in parts:
        assert sorted(train + valid + test) == sorted(rows)
        assert 40 <= len(valid) <= 50
    assert trec.split(rows, 11) == parts[0]


def test_both_systems_learn_a_fold(tmp_path, monkeypatch):
    lines = [
        f"{label}:x {word} is number {n} ?"
        for n in range(40)
        for label, word in (("HUM", "Who"), ("LOC", "Where"), ("NUM", "How many"))
    ]
    folder = tmp_path / "sentence_classification"
    folder.mkdir()
    (folder / "TREC.train").write_text("\n".join(lines) + "\n", "latin-1")
    monkeypatch.setenv("ELMAN_DATA", str(tmp_path))
    quick = trec.read_toml(trec.settings_file("trec")) | {
        "epochs": 6,
        "hidden_size": 8,
        "members": 2,
        "learning_rate": 0.05,
        "dropout": 0.1,
    }
    monkeypatch.setattr(trec, "read_toml", lambda _: quick)
    found = trec.run(1)
    assert found.keys() == trec.SYSTEMS.keys()
    assert min(found.values()) > 0.9


def test_without_data_the_variable_is_named(monkeypatch):
    monkeypatch.delenv("ELMAN_DATA", raising=False)
    with pytest.raises(DataError, match="set ELMAN_DATA to the folder that holds sentence_class"):
        trec.run(1)
