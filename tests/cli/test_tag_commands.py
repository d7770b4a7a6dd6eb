"""Tagging at the command line: from columns to a run that is measured and asked."""

import json
from pathlib import Path

import pytest

NAMES = """Peter I-PER
Blackburn I-PER
left O
London I-LOC
. O

EU I-ORG
leaves O
Paris I-LOC
. O

Paris I-LOC
left O
Peter I-PER
. O
"""
SMALL = ["--hidden-size", "12", "--embedding-size", "8", "--spelling-size", "6", "--quiet"]
HMM = ["--model", "hmm", "--out", "RUN", "--quiet"]
LEARN = ["--batch-size", "2", "--learning-rate", "0.05", "--dropout", "0", "--epochs", "25"]


def objects(answer):
    assert answer.status == 0, answer.errors
    return [json.loads(line) for line in answer.output.splitlines()]


@pytest.fixture
def names(tmp_path):
    path = tmp_path / "names.txt"
    path.write_text(NAMES)
    return path


@pytest.mark.parametrize("model", ["rnn", "mlp", "hmm"])
def test_from_raw_file_to_answers(elman, names, model):
    options = ["--valid", names, "--model", model, "--out", "RUN", *SMALL, *LEARN]
    assert elman("train", "tag", names, *options).status == 0
    (found,) = objects(elman("evaluate", "RUN", names, "--json"))
    assert set(found) == {"sentences", "tokens", "accuracy", "precision", "recall", "f1"}
    assert (found["sentences"], found["tokens"]) == (3, 13)
    assert found["f1"] == 1.0
    (answer,) = objects(elman("predict", "RUN", "Paris left Peter.", "--json"))
    assert answer["words"] == ["Paris", "left", "Peter", "."]
    assert answer["output"] == ["I-LOC", "O", "I-PER", "O"]
    assert all(0.0 < share <= 1.0 for share in answer["score"])
    assert elman("inspect", "RUN").status == 0
    assert Path("RUN/plots/learning_curves.png").exists()
    shown = elman("predict", "RUN", "Paris left Peter.").output
    assert shown == "Paris\tI-LOC\nleft\tO\nPeter\tI-PER\n.\tO\n\n"


def test_lines_of_a_file_are_answered_in_order(elman, names, tmp_path):
    assert elman("train", "tag", names, "--valid", names, *HMM).status == 0
    (tmp_path / "lines.txt").write_text("a long line of words\n\nParis\nEU left\n")
    answers = objects(elman("predict", "RUN", "--file", "lines.txt", "--json"))
    assert [answer["input"] for answer in answers] == ["a long line of words", "Paris", "EU left"]


def test_a_run_resumes_to_the_same_end(elman, names, tmp_path):
    options = ["train", "tag", names, "--valid", names, *SMALL, *LEARN]
    assert elman(*options, "--out", "A").status == 0
    assert elman(*options, "--out", "B").status == 0
    weights = [(tmp_path / name / "model.safetensors").read_bytes() for name in "AB"]
    assert weights[0] == weights[1]


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        ("Peter I-PER\nleft\n", [], "names.txt, line 2: expected 2 columns, got 1"),
        ("Peter\n\nleft\n", [], "no tags"),
        ("\n\n", [], "no sentence"),
        (NAMES, ["--column", "upos"], "expected 10 columns"),
        (NAMES, ["--column", "part"], "unknown column 'part'"),
        ("Peter I-PER\n", [], "one sentence is too few"),
        (NAMES, ["--learn", "ridge"], "squared errors"),
    ],
)
def test_bad_input_is_told_in_one_line(elman, tmp_path, text, options, message):
    (tmp_path / "names.txt").write_text(text)
    answer = elman("train", "tag", "names.txt", "--out", "RUN", *options, *SMALL)
    assert answer.status == 2
    assert message in answer.errors
    assert answer.errors.count("\n") == 1
    assert not (tmp_path / "RUN").exists()


def test_broken_and_unseen_tags_are_counted(elman, names, tmp_path):
    assert elman("train", "tag", names, "--valid", names, *HMM).status == 0
    (tmp_path / "odd.txt").write_text("Peter B-PER\nleft O\nDelft I-CITY\n")
    with (
        pytest.warns(UserWarning, match="1 tags break the scheme IOB1"),
        pytest.warns(UserWarning, match="no word tagged I-CITY"),
    ):
        assert elman("evaluate", "RUN", "odd.txt").status == 0
