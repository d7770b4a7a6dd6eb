"""`elman bench` through the real measurements, on tiny shapes with few and short rounds."""

import json

import pytest
import torch

from elman.bench import interleave, jobs, measure
from elman.bench.shapes import Shape

KEYS = ["work", "cell", "shape", "against", "ratio", "milliseconds", "backend"]


@pytest.fixture(autouse=True)
def tiny_shapes(monkeypatch):
    sequences = tuple(Shape(3, 2, units, inputs=2, layers=2) for units in (9, 3, 4))
    monkeypatch.setattr(jobs, "SEQUENCES", sequences)
    monkeypatch.setattr(jobs, "SINGLE_STEPS", (Shape(1, 1, 4, inputs=4), Shape(1, 1, 8, inputs=8)))
    monkeypatch.setattr(measure, "ROUNDS", 2)
    # Processes of their own take seconds; they have their own test.
    monkeypatch.setattr(measure, "first_uses", lambda cells, *_: [(0.5, "abacus") for _ in cells])
    monkeypatch.setattr(interleave, "SPAN", 1e-5)
    monkeypatch.setattr(interleave, "REST", 0.0)


def rows_of(answer):
    assert answer.status == 0, answer.errors
    return [json.loads(line) for line in answer.output.splitlines()]


def test_json_rows(elman):
    rows = rows_of(elman("bench", "gru", "--quick", "--json", "--quiet"))
    assert all(list(row) == KEYS for row in rows)
    assert [(row["work"], row["shape"], row["against"]) for row in rows] == [
        ("train", "3,2,3 x2 (2 input)", "nn.GRU"),
        ("train", "3,2,3 x2 (2 input)", "plain loop"),
        ("train", "3,2,3 x2 (2 input)", "careful loop"),
        ("train", "3,2,4 x2 (2 input)", "nn.GRU"),
        ("train", "3,2,4 x2 (2 input)", "plain loop"),
        ("train", "3,2,4 x2 (2 input)", "careful loop"),
        ("infer", "3,2,3 x2 (2 input)", "nn.GRU"),
        ("infer", "3,2,3 x2 (2 input)", "plain loop"),
        ("infer", "3,2,4 x2 (2 input)", "nn.GRU"),
        ("infer", "3,2,4 x2 (2 input)", "plain loop"),
        ("step", "1,1,4", "nn.GRU"),
        ("first use", "nothing on disk", ""),
        ("first use", "compiled on disk", ""),
    ]
    for row in rows:
        assert row["cell"] == "gru"
        assert row["ratio"] is None if row["work"] == "first use" else row["ratio"] > 0
        assert row["milliseconds"] > 0
        assert row["backend"]


def test_progress_and_the_machine_go_to_standard_error(elman):
    answer = elman("bench", "gru", "--quick", "--json")
    machine, *progress = answer.errors.splitlines()
    assert f"torch {torch.__version__}" in machine
    assert progress[0] == "train gru 3,2,3 x2 (2 input)"
    assert len(progress) == 6
    assert elman("bench", "gru", "--quick", "--json", "--quiet").errors == ""


def test_the_standing_tables(elman):
    answer = elman("bench", "--quiet")
    assert (answer.status, answer.errors) == (0, "")
    assert f"torch {torch.__version__}" in answer.output.splitlines()[0]
    for title in ("Training:", "Inference:", "One step", "First use:"):
        assert answer.output.count(title) == 1
    training, rest = answer.output.split("Inference:")
    rest, first_use = rest.split("First use:")
    for cell in ("lstm", "peephole-lstm", "layer-norm-lstm", "gru", "elman"):
        lines = [line.split() for line in training.splitlines() if line.startswith(f"  {cell} ")]
        others = [" ".join(line[2:-3]) for line in lines]
        assert others[1:] == ["plain loop", "careful loop", "elman, ms"]
        assert lines[0][2] == {"gru": "nn.GRU", "elman": "nn.RNN"}.get(cell, "nn.LSTM")
        assert all(float(number) > 0 for line in lines for number in line[-3:])
    assert "onnxruntime" in rest
    assert "gru" not in rest
    lines = [line.split() for line in first_use.splitlines() if "ms" in line]
    assert lines == [[cell, "abacus", "elman,", "ms", "500", "500"] for cell in ("lstm", "gru")]


def test_what_was_left_out_has_a_dash(elman, monkeypatch):
    def some(cell, shape, seconds):
        return measured(cell, shape, seconds) if (cell, shape.hidden) != ("gru", 4) else []

    measured = jobs.measure_training
    monkeypatch.setattr(jobs, "measure_training", some)
    answer = elman("bench", "cho-gru", "gru", "--quick", "--quiet")
    lines = [line.split() for line in answer.output.splitlines() if "plain loop" in line][:2]
    assert [line[0] for line in lines] == ["cho-gru", "gru"]
    assert lines[0][-1] != "-"
    assert lines[1][-1] == "-"


def test_what_is_not_installed_is_said(elman, monkeypatch):
    monkeypatch.setattr(measure, "onnx_installed", lambda: False)
    answer = elman("bench", "lstm", "--quick", "--quiet")
    assert answer.output.count("not installed") == 3  # two shapes of inference, one step
    rows = rows_of(elman("bench", "lstm", "--quick", "--quiet", "--json"))
    assert [row["ratio"] for row in rows if row["against"] == "onnxruntime"] == [None] * 3


def test_threads_are_set(elman, monkeypatch):
    asked = []
    monkeypatch.setattr(torch, "set_num_threads", asked.append)
    assert elman("bench", "gru", "--quick", "--quiet").status == 0
    assert asked == []
    assert elman("bench", "gru", "--quick", "--quiet", "--threads", 3).status == 0
    assert asked == [3]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["lstmm"], "unknown cell 'lstmm': known are"),
        (["gru", "nowhere:Cell"], "cell 'nowhere:Cell' cannot be imported"),
        (["elman.nn:Zoneout"], "cannot be built from an input size and a hidden size"),
        (["--threads", "0"], "--threads must be at least 1, got 0."),
        (["--shapes", "3"], "shapes"),
    ],
)
def test_bad_input_is_one_line_before_anything_is_measured(elman, arguments, message):
    answer = elman("bench", *arguments)
    assert (answer.status, answer.output) == (2, "")
    assert answer.errors.count("\n") == 1
    assert answer.errors.startswith("elman bench: ")
    assert message in answer.errors
