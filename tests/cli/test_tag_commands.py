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
    found = objects(elman("inspect", "RUN", "--json"))
    pictures = {row["picture"]: row["path"] for row in found if "picture" in row}
    assert {"transitions between tags", "learning curves"} <= set(pictures)
    assert all(Path(path).read_bytes().startswith(b"\x89PNG") for path in pictures.values())
    doubts = [row for row in found if row.get("table") == "least certain words"]
    assert len(doubts) == 13
    assert {row["line"] for row in doubts} == {*range(1, 6), *range(7, 11), *range(12, 16)}
    shown = elman("predict", "RUN", "Paris left Peter.").output
    assert shown == "Paris\tI-LOC\nleft\tO\nPeter\tI-PER\n.\tO\n\n"


@pytest.fixture
def counted(elman, names):
    """A hidden Markov model of the names in RUN."""
    assert elman("train", "tag", names, "--valid", names, *HMM).status == 0


def test_a_file_in_columns_comes_back_with_one_more(elman, counted, names):
    answer = elman("predict", "RUN", "--file", names, "--columns")
    assert answer.status == 0, answer.errors
    expected = [f"{line} {line.split()[1]}" if line else "" for line in NAMES.splitlines()]
    assert answer.output.rstrip("\n").splitlines() == expected
    found = objects(elman("predict", "RUN", "--file", names, "--columns", "--json"))
    assert found[1]["input"] == "EU leaves Paris ."
    assert found[1]["output"] == ["I-ORG", "O", "I-LOC", "O"]


def test_the_best_answers_come_with_their_probabilities(elman, counted, names):
    (found,) = objects(elman("predict", "RUN", "Peter left Paris.", "--beam", "4", "--json"))
    chances = [alternative["probability"] for alternative in found["alternatives"]]
    assert len({tuple(alternative["output"]) for alternative in found["alternatives"]}) == 4
    assert found["alternatives"][0]["output"] == found["output"]
    assert chances == sorted(chances, reverse=True)
    assert sum(chances) <= 1.0
    first, *_ = elman("predict", "RUN", "Peter left Paris.", "--beam", "4").output.splitlines()
    best = [alternative["output"][0] for alternative in found["alternatives"]]
    assert first.split("\t") == ["Peter", *best]
    shown = elman("predict", "RUN", "--file", names, "--columns", "--beam", "3").output
    assert {len(line.split()) for line in shown.splitlines() if line} == {2 + 3}


def test_states_are_learnt_from_words_alone(elman, names, tmp_path):
    words = tmp_path / "words.txt"
    words.write_text("\n".join(line.split(" ")[0] for line in NAMES.splitlines()))
    options = ["--hidden-states", "3", "--valid", names, *HMM]
    assert elman("train", "tag", words, *options).status == 0
    (found,) = objects(elman("evaluate", "RUN", names, "--json"))
    assert set(found) == {"sentences", "tokens", "loss", "many_to_one_accuracy"}
    assert 4 / 13 < found["many_to_one_accuracy"] <= 1.0
    (found,) = objects(elman("evaluate", "RUN", words, "--json"))
    assert set(found) == {"sentences", "tokens", "loss"}
    (answer,) = objects(elman("predict", "RUN", "Paris left nobody .", "--json"))
    assert set(answer["output"]) <= {"0", "1", "2"}
    assert elman("inspect", "RUN").status == 0


def test_the_count_of_answers_is_shown_where_the_answers_are_not(
    elman, counted, tmp_path, monkeypatch
):
    (tmp_path / "lines.txt").write_text("Paris\n" * 30)
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    answer = elman("predict", "RUN", "--file", "lines.txt")
    assert "answers" in answer.errors
    assert answer.output == "Paris\tI-LOC\n\n" * 30
    assert elman("predict", "RUN", "--file", "lines.txt", "--quiet").errors == ""


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["predict", "RUN", "--columns", "Peter"], "--columns is said of a file"),
        (["predict", "RUN", "--columns", "--file", "ragged.txt"], "ragged.txt, line 2: expected"),
        (["predict", "RUN", "--columns", "--file", "starts.txt"], "starts.txt has no sentence"),
        (["predict", "RUN", "Peter", "--beam", "0"], "--beam must be at least 1, got 0"),
        (["inspect", "RUN", "--length", "5"], "are for language models"),
        (["inspect", "RUN", "starts.txt"], "starts.txt has no sentence"),
        (["inspect", "RUN", "-"], "give a file"),
    ],
)
def test_what_cannot_be_answered_is_told_in_one_line(elman, counted, tmp_path, arguments, message):
    (tmp_path / "ragged.txt").write_text("Peter I-PER\nleft\n")
    (tmp_path / "starts.txt").write_text("-DOCSTART- -X-\n\n")
    answer = elman(*arguments)
    assert answer.status == 2
    errors = [line for line in answer.errors.splitlines() if "transitions.png" not in line]
    assert len(errors) == 1
    assert message in errors[0]


def test_a_run_is_inspected_without_its_data(elman, counted, names):
    names.unlink()
    answer = elman("inspect", "RUN")
    assert answer.status == 0
    assert "name a file as INPUT" in answer.errors
    assert "learning_curves.png" in answer.errors


def test_lines_of_a_file_are_answered_in_order(elman, counted, tmp_path):
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
        (NAMES, ["--hidden-states", "3"], "--model hmm"),
    ],
)
def test_bad_input_is_told_in_one_line(elman, tmp_path, text, options, message):
    (tmp_path / "names.txt").write_text(text)
    answer = elman("train", "tag", "names.txt", "--out", "RUN", *options, *SMALL)
    assert answer.status == 2
    assert message in answer.errors
    assert answer.errors.count("\n") == 1
    assert not (tmp_path / "RUN").exists()


def test_broken_and_unseen_tags_are_counted(elman, counted, tmp_path):
    (tmp_path / "odd.txt").write_text("Peter B-PER\nleft O\nDelft I-CITY\n")
    with (
        pytest.warns(UserWarning, match="1 tags break the scheme IOB1"),
        pytest.warns(UserWarning, match="no word tagged I-CITY"),
    ):
        assert elman("evaluate", "RUN", "odd.txt").status == 0
