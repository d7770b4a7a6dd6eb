"""`elman inspect --errors` at the command line."""

import json
import shutil
from pathlib import Path

import pytest

from elman.cli.main import run

WORDS = {"eins": "one", "zwei": "two", "drei": "three", "vier": "four"}
PAIRS = [f"{a} {b}.\t{WORDS[a]} {WORDS[b]}.\n" for a in WORDS for b in WORDS]
SMALL = ["--unit", "word", "--hidden-size", "16", "--embedding-size", "8", "--quiet"]
PICTURE = "RUN/plots/quality_by_length.png"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Pairs in one file and in two, a network and phrases that have seen them."""
    folder = tmp_path_factory.mktemp("errors")
    (folder / "a.tsv").write_text("".join(PAIRS))
    for name, column in (("a.de", 0), ("a.en", 1)):
        columns = [pair.strip().split("\t")[column] for pair in PAIRS]
        (folder / name).write_text("\n".join(columns) + "\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        train = ["train", "translate", "a.tsv", "--valid", "a.tsv", *SMALL]
        assert run([*train, "--epochs", "1", "--out", "RUN"]) == 0
        assert run([*train, "--model", "phrase", "--out", "PHRASE"]) == 0
    return folder


@pytest.fixture
def there(elman, folder, tmp_path):
    """Calls `elman` beside copies of the files and runs."""
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    return elman


def objects(answer):
    assert answer.status == 0, answer.errors
    return [json.loads(line) for line in answer.output.splitlines()]


def test_pairs_may_stand_in_one_file_or_in_two(there):
    found = objects(there("inspect", "RUN", "--errors", "a.tsv", "--json"))
    tables = [row["table"] for row in found if "table" in row]
    names = ["errors by beam width", "errors by source length", "examples"]
    assert list(dict.fromkeys(tables)) == names
    assert found[0]["sentences"] == len(PAIRS)
    assert [row["path"] for row in found if "picture" in row] == [PICTURE]
    aligned = there("inspect", "RUN", "--errors", "a.de", "--target", "a.en", "--json")
    assert objects(aligned) == found


def test_tables_for_people(there):
    answer = there("inspect", "RUN", "--errors", "a.tsv", "--quiet")
    assert answer.status == 0
    assert "errors by beam width:" in answer.output
    assert answer.errors == ""
    assert Path(PICTURE).exists()


def test_phrases_are_drawn_beside_and_looked_at(there):
    found = objects(there("inspect", "RUN", "--errors", "a.tsv", "--beside", "PHRASE", "--json"))
    runs = {row["run"] for row in found if row.get("table") == "quality by source length"}
    assert runs == {"RUN", "PHRASE"}
    found = objects(there("inspect", "PHRASE", "--errors", "a.tsv", "--json"))
    assert "right" in found[0]
    assert "search" not in found[0]


def test_lines_empty_on_one_side_are_left_out_and_counted(there):
    Path("gaps.tsv").write_text("eins.\tone.\n\ttwo.\nzwei.\ttwo.\n")
    with pytest.warns(UserWarning, match=r"gaps.tsv: 1 of 3 lines are empty on one side"):
        answer = there("inspect", "RUN", "--errors", "gaps.tsv", "--json")
    assert objects(answer)[0]["sentences"] == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("RUN --errors missing", "missing: no such file"),
        ("RUN --errors a.de", "a.de, line 1: expected source<TAB>target, got 1 columns"),
        ("RUN --errors a.de --target short", "a.de has 16 lines and short has 1"),
        ("RUN --errors empty", "empty: no line has both a source and a target"),
        ("RUN --target a.en", "--target goes with --errors"),
        ("RUN a.tsv --errors a.tsv", "leave out a.tsv"),
        ("RUN --errors a.tsv --similar one", "leave one out"),
        ("RUN --errors a.tsv --units 3", "do not go with --errors"),
        ("RUN --errors a.tsv --beside NOWHERE", "NOWHERE is not a run folder"),
        ("RUN --beside PHRASE", "--beside is for language models, and for translations with"),
    ],
)
def test_what_cannot_be_looked_at_is_told_in_one_line(there, arguments, message):
    Path("short").write_text("one\n")
    Path("empty").write_text("eins\t\n")
    answer = there("inspect", *arguments.split())
    assert answer.status == 2
    assert message in answer.errors
    assert len(answer.errors.splitlines()) == 1
    assert answer.output == ""


def test_errors_are_those_of_translations(there, trained):
    for arguments in (
        [trained / "char", "--errors", "a.tsv"],
        ["RUN", "--errors", "a.tsv", "--beside", trained / "char"],
    ):
        answer = there("inspect", *arguments)
        assert answer.status == 2
        assert "--errors is for runs of task 'translate'" in answer.errors
        assert len(answer.errors.splitlines()) == 1
