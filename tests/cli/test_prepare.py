"""Preparing data sets at the command line."""

import json

import pytest

from elman.data.prepare import DATA_SETS

QUESTIONS = "LOC:city Where ?\nHUM:ind Who ?\nLOC:other In which room ?\n"


@pytest.fixture
def questions(tmp_path):
    (tmp_path / "TREC.train").write_text(QUESTIONS)
    return "TREC.train"


def test_a_data_set_is_prepared_and_told_in_a_line(elman, questions, tmp_path):
    answer = elman("prepare", "trec", questions, "--out", "trec.tsv")
    assert (answer.status, answer.output) == (0, "trec.tsv: 3 questions of 2 classes\n")
    assert (tmp_path / "trec.tsv").read_text().splitlines() == [
        "text\tlabel", "Where ?\tLOC", "Who ?\tHUM", "In which room ?\tLOC",
    ]  # fmt: skip


def test_the_result_is_told_as_an_object(elman, questions):
    answer = elman("prepare", "trec", questions, "--out", "trec.tsv", "--json")
    assert json.loads(answer.output) == {
        "out": "trec.tsv", "items": 3, "classes": {"HUM": 1, "LOC": 2},
    }  # fmt: skip


def test_a_file_is_replaced_only_if_asked(elman, questions, tmp_path):
    (tmp_path / "mine.tsv").write_text("mine")
    answer = elman("prepare", "trec", questions, "--out", "mine.tsv")
    assert answer.status == 2
    assert "mine.tsv exists" in answer.errors
    assert (tmp_path / "mine.tsv").read_text() == "mine"
    assert elman("prepare", "trec", questions, "--out", "mine.tsv", "--force").status == 0


def test_the_data_sets_are_listed(elman):
    assert all(f" {name} " in elman("prepare", "--list").output for name in DATA_SETS)
    found = [json.loads(line) for line in elman("prepare", "--list", "--json").output.splitlines()]
    assert [row["name"] for row in found] == list(DATA_SETS)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "name a data set"),
        (["trek", "TREC.train", "--out", "a"], "unknown data set 'trek': known are babi"),
        (["trec", "--out", "a"], "no input given"),
        (["trec", "TREC.train"], "--out is missing"),
        (["trec", "nowhere", "--out", "a"], "nowhere: no such file"),
        (["sst2", "TREC.train", "--out", "a"], "TREC.train, line 1: expected a sentence"),
        (["trec", "TREC.train", "--out", "a.csv"], "would be read as .csv"),
    ],
)
def test_bad_input_is_told_in_one_line(elman, questions, tmp_path, arguments, message):
    answer = elman("prepare", *arguments)
    assert answer.status == 2
    assert message in answer.errors
    assert answer.errors.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == [questions]
