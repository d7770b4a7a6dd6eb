"""`elman reproduce` on an experiment of a moment."""

import json

import pytest

from elman.reproduce import EXPERIMENTS, Experiment, Measured, Row

ROWS = (
    Row("small", "units", published=0.5, target=0.1),
    Row("large", "units", target=1.0, higher_is_better=True),
    Row("told", "units"),
)


@pytest.fixture
def measured(monkeypatch):
    """Replaces the processes by numbers, and one experiment by another."""
    drawn = []

    def draw(folder):
        drawn.append(folder)
        return {"a picture": folder / "picture.png"}

    experiment = Experiment("Nobody 1900", "none.", ROWS, run=dict, draw=draw)

    def run_seeds(name, seeds, tell):
        count = len(seeds)
        tell(f"{name} with {count} seeds")
        return [Measured(row, 0.2, 0.1, 0.3, (0.2,) * count) for row in ROWS], 7.0

    monkeypatch.setitem(EXPERIMENTS, "nothing", "elman")
    monkeypatch.setattr("elman.reproduce.find_experiment", lambda name: experiment)
    monkeypatch.setattr("elman.reproduce.run_seeds", run_seeds)
    return drawn


def test_list_names_them_all(elman):
    answer = elman("reproduce", "--list", "--json")
    rows = [json.loads(line) for line in answer.output.splitlines()]
    assert [row["name"] for row in rows] == list(EXPERIMENTS)
    assert all(row["paper"] and row["setting"] for row in rows)
    table = elman("reproduce", "--list").output
    assert all(name in table for name in EXPERIMENTS)


def test_json_rows(elman, measured):
    answer = elman("reproduce", "nothing", "--seeds", "2", "--json", "--quiet")
    assert answer.status == 0
    assert answer.errors == ""
    rows = [json.loads(line) for line in answer.output.splitlines()]
    assert [row["name"] for row in rows] == ["small", "large", "told"]
    assert rows[0] == {
        "experiment": "nothing",
        "paper": "Nobody 1900",
        "setting": "none.",
        "name": "small",
        "measure": "units",
        "published": 0.5,
        "target": 0.1,
        "higher_is_better": False,
        "median": 0.2,
        "lowest": 0.1,
        "highest": 0.3,
        "values": [0.2, 0.2],
        "reached": False,
        "seconds_a_seed": 7.0,
    }
    assert [row["reached"] for row in rows] == [False, False, None]


def test_a_table_shows_published_and_ours(elman, measured):
    answer = elman("reproduce", "nothing")
    assert "paper: Nobody 1900" in answer.output
    assert "over 5 seeds" in answer.output
    assert "<= 0.1: missed" in answer.output
    assert ">= 1: missed" in answer.output
    assert "7 s a seed" in answer.output
    assert answer.errors == "nothing with 5 seeds\n"


def test_pictures_go_to_a_folder(elman, measured, tmp_path):
    answer = elman("reproduce", "nothing", "--out", tmp_path / "new" / "pictures")
    assert measured == [tmp_path / "new" / "pictures"]
    assert measured[0].is_dir()
    assert f"a picture: {measured[0] / 'picture.png'}" in answer.errors


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nothing-known"], "unknown experiment 'nothing-known': known are "),
        ([], "name an experiment; elman reproduce --list shows them"),
        (["adding", "--seeds", "0"], "--seeds must be at least 1, got 0"),
    ],
)
def test_bad_input_is_one_line(elman, arguments, message):
    answer = elman("reproduce", *arguments)
    assert answer.status == 2
    assert answer.output == ""
    assert message in answer.errors
    assert len(answer.errors.splitlines()) == 1


def test_an_interrupt_is_told(elman, measured, monkeypatch):
    def run_seeds(name, seeds, tell):
        raise KeyboardInterrupt

    monkeypatch.setattr("elman.reproduce.run_seeds", run_seeds)
    answer = elman("reproduce", "nothing")
    assert answer.status == 130
    assert answer.errors == "elman: interrupted.\n"
