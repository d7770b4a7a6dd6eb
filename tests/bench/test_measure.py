"""Rows of measurements, on tiny shapes with few and short rounds."""

import pytest
import torch

from elman.bench import measure
from elman.bench.measure import (
    measure_first_use,
    measure_inference,
    measure_step,
    measure_training,
)
from elman.bench.onnx_lstm import onnx_installed
from elman.bench.shapes import Shape

SHAPE, STEP = Shape(3, 2, 4, inputs=3, layers=2), Shape(1, 1, 4, inputs=4)


def fixed(seconds):
    """Gives each contender, called once, times of its own."""

    def times(contenders, rounds, **_):
        for run in contenders.values():
            run()
        return {name: seconds[name] for name in contenders}

    return times


@pytest.fixture(autouse=True)
def no_clock(monkeypatch):
    seconds = {"elman": [1.0, 2.0, 4.0, 9.0, 9.0], "plain loop": [2.0, 8.0, 40.0]}
    seconds["careful loop"] = [2.0, 4.0, 4.0]
    others = {name: [3.0] * 5 for name in ("nn.LSTM", "nn.GRU", "nn.RNN", "onnxruntime")}
    monkeypatch.setattr(measure, "interleaved_seconds", fixed(seconds | others))


def test_ratios_are_medians_of_rounds():
    rows = {row.against: row for row in measure_training("lstm", SHAPE, 1.0)}
    assert list(rows) == ["nn.LSTM", "plain loop", "careful loop"]
    assert rows["nn.LSTM"].ratio == 0.75  # of 3, 1.5, 0.75, 1/3, 1/3
    assert rows["plain loop"].ratio == 4.0  # of 2, 4, 10
    assert rows["careful loop"].ratio == 2.0  # of 2, 2, 1
    for row in rows.values():
        assert (row.work, row.cell, row.shape) == ("train", "lstm", "3,2,4 x2 (3 input)")
        assert row.milliseconds == 4000.0


@pytest.mark.parametrize(("cell", "other"), [("gru", "nn.GRU"), ("cho-gru", "nn.LSTM")])
def test_cells_besides_the_lstm_are_not_measured_against_onnx(cell, other):
    assert [row.against for row in measure_inference(cell, SHAPE, 1.0)] == [other, "plain loop"]
    assert [row.against for row in measure_step(cell, STEP, 1.0)] == [other]


@pytest.mark.skipif(not onnx_installed(), reason="onnx, onnxruntime not installed")
def test_the_lstm_is_measured_against_onnx():
    assert [row.against for row in measure_inference("lstm", SHAPE, 1.0)][-1] == "onnxruntime"
    assert [row.against for row in measure_step("lstm", STEP, 1.0)] == ["nn.LSTM", "onnxruntime"]


def test_what_is_not_installed_is_said(monkeypatch):
    monkeypatch.setattr(measure, "onnx_installed", lambda: False)
    for rows in (measure_inference("lstm", SHAPE, 1.0), measure_step("lstm", STEP, 1.0)):
        assert (rows[-1].against, rows[-1].ratio) == ("onnxruntime", None)
        assert all(row.ratio is not None for row in rows[:-1])


def test_the_back_end_is_the_one_explained(monkeypatch):
    seen = []

    def explain(cell, inputs):
        seen.append((cell.input_size, tuple(inputs.shape), torch.is_grad_enabled()))
        return "abacus: beads are quick."

    monkeypatch.setattr(measure, "explain", explain)
    rows = measure_training("gru", SHAPE, 1.0) + measure_inference("gru", SHAPE, 1.0)
    rows += measure_step("gru", STEP, 1.0)
    assert {row.backend for row in rows} == {"abacus"}
    assert seen == [(3, (3, 2, 3), True), (3, (3, 2, 3), False), (4, (1, 1, 4), False)]


def test_first_uses_share_what_is_on_disk(monkeypatch):
    caches = []

    def first_uses(cells, shape, cache):
        caches.append(cache)
        return [(len(caches) * 10.0, "abacus"), (len(caches) * 20.0, "fingers")]

    monkeypatch.setattr(measure, "first_uses", first_uses)
    rows = measure_first_use(("lstm", "gru"), SHAPE)
    assert [(row.cell, row.shape, row.milliseconds, row.backend) for row in rows] == [
        ("lstm", "nothing on disk", 1e4, "abacus"),
        ("gru", "nothing on disk", 2e4, "fingers"),
        ("lstm", "compiled on disk", 2e4, "abacus"),
        ("gru", "compiled on disk", 4e4, "fingers"),
    ]
    assert {(row.work, row.against, row.ratio) for row in rows} == {("first use", "", None)}
    assert len(caches) == 2
    assert len(set(caches)) == 1
