"""Classification at the command line: from a table to a run that is measured and asked."""

import json
from pathlib import Path

import pytest

TEXTS = """text\tlabel
Who wrote this ?\tHUM
Who is he ?\tHUM
What city is this ?\tLOC
Where is the city ?\tLOC
How many are there ?\tNUM
How far is the Moon ?\tNUM
"""
NUMBERS = "0,0 1,0 2,0\tright\n0,0 -1,0 -2,0\tleft\n1,5 3,5\tright\n1,5 0,5\tleft\n"
SMALL = ["--hidden-size", "8", "--embedding-size", "6", "--quiet"]
LEARN = ["--batch-size", "2", "--learning-rate", "0.05", "--dropout", "0", "--epochs", "20"]
KEYS = {"items", "loss", "accuracy", "macro_f1", "precision", "recall", "calibration_error"}


def objects(answer):
    assert answer.status == 0, answer.errors
    return [json.loads(line) for line in answer.output.splitlines()]


@pytest.fixture
def table(tmp_path):
    (tmp_path / "texts.tsv").write_text(TEXTS)
    (tmp_path / "numbers.tsv").write_text(NUMBERS)
    return "texts.tsv"


@pytest.mark.parametrize("model", ["rnn", "mlp"])
@pytest.mark.parametrize("unit", ["word", "char", "number"])
def test_from_raw_file_to_answers(elman, table, unit, model):
    file, asked, wanted = (
        ("numbers.tsv", "0,1 5,1", "right") if unit == "number" else (table, "Who is he ?", "HUM")
    )
    options = ["--unit", unit, "--model", model, "--out", "RUN", *SMALL, *LEARN]
    assert elman("train", "classify", file, "--valid", file, *options).status == 0
    (found,) = objects(elman("evaluate", "RUN", file, "--json"))
    assert set(found) == KEYS
    assert found["accuracy"] == found["macro_f1"] == 1.0
    (answer,) = objects(elman("predict", "RUN", asked, "--json"))
    assert answer["output"] == wanted
    assert sum(answer["probabilities"].values()) == pytest.approx(1.0)
    shown = elman("predict", "RUN", asked).output
    assert shown == f"{wanted}\t{answer['score']:.3f}\t{asked}\n"


def test_inside_are_confusions_doubts_and_attention(elman, table):
    options = ["--pooling", "attention", "--out", "RUN", *SMALL, *LEARN]
    assert elman("train", "classify", table, "--valid", table, *options).status == 0
    found = objects(elman("inspect", "RUN", table, "--json"))
    pictures = {entry["picture"]: entry["path"] for entry in found if "picture" in entry}
    assert {"confusion matrix", "attention"} <= pictures.keys()
    assert all(Path(path).exists() for path in pictures.values())
    assert sum(entry.get("table") == "most uncertain" for entry in found) == 6


def test_a_run_is_the_same_every_time(elman, table, tmp_path):
    options = ["train", "classify", table, "--valid", table, *SMALL, *LEARN, "--dropout", "0.5"]
    assert elman(*options, "--out", "A").status == 0
    assert elman(*options, "--out", "B").status == 0
    weights = [(tmp_path / name / "model.safetensors").read_bytes() for name in "AB"]
    assert weights[0] == weights[1]


def test_standard_treebank_lines_and_other_columns_are_read(elman, tmp_path):
    (tmp_path / "sst.tsv").write_text("a film\t1\nno fun\t0\ndull\t0\ngood 'n\" fun\t1\nodd\t1\n")
    (tmp_path / "sst.csv").write_text('n,class,sentence\n1,pos,"good, very"\n2,neg,bad\n')
    assert elman("train", "classify", "sst.tsv", *SMALL, "--epochs", "1", "--out", "A").status == 0
    named = ["--text-column", "sentence", "--label-column", "class", "--valid", "sst.csv"]
    with pytest.warns(UserWarning, match="2 classes have one row to learn from"):
        answer = elman("train", "classify", "sst.csv", *named, *SMALL, *LEARN, "--out", "B")
    assert answer.status == 0
    assert objects(elman("evaluate", "B", "sst.csv", "--json"))[0]["items"] == 2


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        ("text\tclass\na\tx\nb\ty\n", [], "t.tsv has no column 'label', but text, class"),
        ("a\tx\nb\n", [], "t.tsv, line 2: expected 2 columns, got 1"),
        ("a\tx\nb\tx\n", ["--valid", "t.tsv"], "nothing to tell apart"),
        ("\n\n", [], "has no rows"),
        ("a\tx\n", [], "one row is too few"),
        ("1,2\tx\n1\ty\n", ["--unit", "number", "--valid", "t.tsv"], "line 2: steps have 1"),
        ("1,b\tx\n1\ty\n", ["--unit", "number", "--valid", "t.tsv"], "line 1: 'b' is not a"),
        ("a\tx\nb\ty\n", ["--valid", "t.tsv", "--learn", "rtrl"], "no such sequence"),
        ("a\tx\nb\ty\n", ["--unit", "char", "--vectors", "v.txt"], "--vectors are of words"),
    ],
)
def test_bad_input_is_told_in_one_line(elman, tmp_path, recwarn, text, options, message):
    (tmp_path / "t.tsv").write_text(text)
    answer = elman("train", "classify", "t.tsv", "--out", "RUN", *options, *SMALL)
    assert answer.status == 2
    assert message in answer.errors
    assert not (tmp_path / "RUN").exists()
