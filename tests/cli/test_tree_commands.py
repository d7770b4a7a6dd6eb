"""Labelled trees at the command line: from a raw file to a run that is measured and asked."""

import json

import pytest

LINES = [
    "(4 (2 a) (4 (4 lovely) (2 film)))",
    "(1 (2 no) (1 (2 one) (1 (1 cared) (2 .))))",
    "(3 (2 it) (3 (3 works) (2 .)))",
    "(0 (0 awful) (2 .))",
    "(2 (2 (2 one) (2 film)) (2 .))",
]
TINY = ["--hidden-size", "8", "--embedding-size", "8", "--batch-size", "2", "--quiet"]


def objects(answer):
    assert answer.status == 0, answer.errors
    return [json.loads(line) for line in answer.output.splitlines()]


@pytest.fixture
def trees(tmp_path):
    path = tmp_path / "trees.txt"
    path.write_text("\n".join(LINES) + "\n")
    return path


@pytest.fixture
def run(elman, trees):
    """A run whose few trees are learnt by heart."""
    options = ["--valid", trees, "--epochs", "60", "--learning-rate", "0.03", *TINY]
    answer = elman("train", "tree", trees, "--out", "RUN", "--json", *options)
    (found,) = objects(answer)
    assert found["run"] == "RUN"
    assert found["loss"] < 0.1
    return "RUN"


def test_from_raw_file_to_answers(elman, run, trees):
    (found,) = objects(elman("evaluate", run, trees, "--json"))
    assert set(found) == {
        "trees", "nodes", "loss", "accuracy", "root_accuracy", "binary_accuracy",
    }  # fmt: skip
    assert found["trees"] == 5
    assert found["accuracy"] == found["root_accuracy"] == found["binary_accuracy"] == 1.0
    assert "root_accuracy" in elman("evaluate", run, trees).output

    answers = objects(elman("predict", run, "--file", trees, "--json"))
    assert [answer["input"] for answer in answers] == LINES
    assert [answer["output"] for answer in answers] == [4, 1, 3, 0, 2]
    assert [answer["tree"] for answer in answers] == LINES
    (one,) = objects(elman("predict", run, LINES[0].replace("4", "?"), "--json"))
    assert (one["output"], one["tree"]) == (4, LINES[0])
    assert elman("predict", run, LINES[1]).output == f"1\t{LINES[1]}\n"


@pytest.mark.parametrize("cell", ["recursive", "rntn", "child-sum-tree-lstm"])
def test_every_cell_trains_and_resumes_to_the_same_end(elman, trees, cell):
    options = ["--cell", cell, "--json", *TINY]
    (once,) = objects(elman("train", "tree", trees, "--out", "RUN", "--epochs", "2", *options))
    again = elman("train", "tree", trees, "--out", "RUN", "--epochs", "2", "--resume", *options)
    assert objects(again) == [once]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["(2 a"], "elman predict: input 1, column 1: this bracket is never closed."),
        ([], "elman predict: nothing to predict: give inputs, or --file (- is standard input)."),
        (["(2 a)", "--file", "f"], "elman predict: give inputs or --file, not both."),
        (["--file", "no-such-file"], "elman predict: no-such-file: no such file."),
    ],
)
def test_what_cannot_be_predicted_is_one_line(elman, run, arguments, message):
    answer = elman("predict", run, *arguments)
    assert (answer.status, answer.errors) == (2, message + "\n")


def test_a_language_model_has_nothing_to_predict(elman, trained):
    answer = elman("predict", trained / "char", "the cat")
    assert answer.status == 2
    assert "task 'lm' has nothing to predict" in answer.errors


def test_wrong_trees_and_rules_are_one_line(elman, tmp_path, trees):
    broken = tmp_path / "broken.txt"
    broken.write_text(LINES[0] + "\n(2 (2 a) b)\n")
    answer = elman("train", "tree", broken, "--out", "OUT", *TINY)
    assert answer.status == 2
    assert "broken.txt, line 2, column 10: a node holds either one word or nodes." in answer.errors
    assert not (tmp_path / "OUT").exists()
    answer = elman("train", "tree", trees, "--out", "OUT", "--learn", "tbptt", *TINY)
    assert answer.status == 2
    assert "--learn tbptt goes along a sequence of inputs" in answer.errors
