"""Filling gaps at the command line: from a raw file to a run that is measured and asked."""

import json

import pytest

LINES = ["the cat sat on the mat", "a dog ran to the red door", "the dog sat on the red mat"]
TINY = ["--hidden-size", "8", "--embedding-size", "8", "--quiet"]


def objects(answer):
    assert answer.status == 0, answer.errors
    return [json.loads(line) for line in answer.output.splitlines()]


@pytest.fixture
def sentences(tmp_path):
    path = tmp_path / "sentences.txt"
    path.write_text("\n".join(LINES * 4) + "\n")
    return path


@pytest.fixture
def run(elman, sentences):
    """A run whose few sentences are learnt by heart."""
    options = ["--valid", sentences, "--epochs", "60", "--learning-rate", "0.05", *TINY]
    (found,) = objects(elman("train", "fill", sentences, "--out", "RUN", "--json", *options))
    assert found["run"] == "RUN"
    assert found["accuracy"] > 0.8
    return "RUN"


def test_from_raw_file_to_answers(elman, run, sentences):
    (found,) = objects(elman("evaluate", run, sentences, "--json"))
    assert set(found) == {
        "sentences", "words", "loss", "pseudo_perplexity", "accuracy", "mean_rank", "median_rank",
    }  # fmt: skip
    assert (found["sentences"], found["words"]) == (12, 80)
    assert found["accuracy"] > 0.8

    (answer,) = objects(elman("predict", run, "a dog ran to the ___ door", "--json"))
    assert (answer["output"], answer["filled"]) == ("red", LINES[1])
    assert answer["score"] == answer["alternatives"][0]["probability"] > 0.5
    shown = elman("predict", run, "a dog ran to the ___ door").output
    assert shown.splitlines()[0] == LINES[1]

    (similar,) = objects(elman("inspect", run, "--similar", "cat", "--json"))
    assert similar["word"] == "cat"
    known = {word for line in LINES for word in line.split()} | {"<unk>", "<eos>"}
    assert {entry["word"] for entry in similar["similar"]} < known - {"cat"}


def test_one_side_alone_trains_and_resumes_to_the_same_end(elman, sentences):
    options = ["--sides", "left", "--num-layers", "2", "--epochs", "2", "--json", *TINY]
    (once,) = objects(elman("train", "fill", sentences, "--out", "RUN", *options))
    again = elman("train", "fill", sentences, "--out", "RUN", "--resume", *options)
    assert objects(again) == [once]


def test_what_cannot_be_filled_is_one_line(elman, run, sentences):
    answer = elman("predict", run, "the cat sat")
    message = "elman predict: input 1: no gap to fill: write ___ where a word is missing.\n"
    assert (answer.status, answer.errors) == (2, message)
    answer = elman("train", "fill", sentences, "--out", "OUT", "--learn", "tbptt", *TINY)
    assert answer.status == 2
    assert "--learn tbptt goes along a sequence of inputs" in answer.errors
