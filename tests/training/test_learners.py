"""Every rule trains from the options, or says in one line why it cannot; all resume exactly."""

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from elman.cells import EchoStateCell
from elman.cli.main import run
from elman.data import Batch
from elman.errors import ConfigError
from elman.learning import (
    BPTT,
    FORCE,
    RTRL,
    UORO,
    ExtendedKalmanFilter,
    RecursiveLeastSquares,
    Ridge,
    SnAp,
    TruncatedBPTT,
)
from elman.nn import RNN, SequenceRegressor
from elman.training import RunFolder, TrainingOptions, loop
from elman.training.learners import build_learner

RULES = {
    "bptt": BPTT,
    "tbptt": TruncatedBPTT,
    "rtrl": RTRL,
    "snap": SnAp,
    "uoro": UORO,
    "ekf": ExtendedKalmanFilter,
    "ridge": Ridge,
    "rls": RecursiveLeastSquares,
    "force": FORCE,
}
ONLINE = ["rtrl", "snap", "uoro"]


def build(learn, model, inputs):
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    options = TrainingOptions(learn=learn, unroll=4)
    example = Batch(inputs, torch.zeros(4, 2, 1), None)
    return build_learner(options, model, optimizer, torch.Tensor.backward, example)


@pytest.mark.parametrize("learn", RULES)
def test_each_name_is_its_rule_and_learns(learn):
    torch.manual_seed(0)
    reservoir = learn in ("ridge", "rls", "force")
    cell = EchoStateCell(2, 6, feedback_size=1, density=0.5) if reservoir else "gru"
    model = SequenceRegressor(RNN(cell) if reservoir else RNN(cell, 2, 6), 1)
    inputs = torch.randn(4, 2, 2)
    learner = build(learn, model, inputs)
    assert type(learner) is RULES[learn]
    batch = Batch(inputs, torch.ones(4, 2, 1), None)
    state, losses = learner.initial_state(model, 2), []
    for _ in range(10):
        loss, state, _ = learner.update(model, batch, state)
        losses.append(float(loss))
    assert losses[-1] < losses[0]


@pytest.mark.parametrize("learn", [learn for learn in RULES if learn != "bptt"])
def test_data_without_time_is_refused_by_all_but_bptt(learn):
    with pytest.raises(ConfigError, match=f"--learn {learn} goes along a sequence"):
        build(learn, nn.Linear(2, 2), (torch.zeros(3), "a tree"))


@pytest.mark.parametrize("learn", ONLINE)
def test_a_language_model_is_learnt(tmp_path, run_training, learn):
    run_training(tmp_path, learn=learn, cell="gru", stride=2, batch_size=2, epochs=2)
    losses = [r["loss"] for r in RunFolder(tmp_path).read_metrics() if r["split"] == "valid"]
    assert losses[-1] < losses[0] < torch.log(torch.tensor(27.0))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"learn": "rtrl", "model": "transformer", "heads": 2}, "take a recurrent network"),
        ({"learn": "uoro", "model": "mlp"}, "take a recurrent network"),
        ({"learn": "snap", "dropout": 0.1}, "leave out dropout and zoneout"),
        ({"learn": "rtrl", "model": "ngram"}, "--learn rtrl: this model is counted"),
        ({"learn": "ridge"}, "Ridge learns a linear readout"),
        ({"learn": "rls"}, "RLS learns a linear readout"),
        ({"learn": "force"}, "FORCE learns a linear readout"),
    ],
)
def test_what_a_rule_cannot_serve_is_said_before_a_run_is_made(
    tmp_path, run_training, settings, message
):
    with pytest.raises(ConfigError, match=message) as refusal:
        run_training(tmp_path / "run", **settings)
    assert "\n" not in str(refusal.value)
    assert not (tmp_path / "run").exists()


class StopError(Exception):
    """What the test stops a training with."""


@pytest.mark.parametrize("learn", ONLINE)
def test_a_training_that_was_stopped_ends_as_one_that_was_not(
    tmp_path, run_training, monkeypatch, learn
):
    settings = {"learn": learn, "cell": "irnn", "stride": 3, "epochs": 2, "num_layers": 2}
    run_training(tmp_path / "whole", **settings)
    update = loop.Loop._update

    def stopping(self, batch):
        value = update(self, batch)
        if self.progress.step == 5:
            self._save()
        if self.progress.step == 9:
            raise StopError
        return value

    monkeypatch.setattr(loop.Loop, "_update", stopping)
    with pytest.raises(StopError):
        run_training(tmp_path / "parts", **settings)
    monkeypatch.setattr(loop.Loop, "_update", update)
    run_training(tmp_path / "parts", resume=True, **settings)
    whole, parts = (load_file(tmp_path / name / "model.safetensors") for name in ("whole", "parts"))
    assert all(torch.equal(whole[name], parts[name]) for name in whole)
    last, other = (
        torch.load(tmp_path / name / "checkpoint/state.pt", weights_only=True)["model"]
        for name in ("whole", "parts")
    )
    assert all(torch.equal(last[name], other[name]) for name in last)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--unroll", "200", "--batch-size", "400"], "errors an update"),
        (["--softmax", "adaptive"], "adaptive"),
    ],
)
def test_what_the_kalman_filter_cannot_serve_is_refused_before_a_run_is_made(
    tmp_path, capsys, options, message
):
    text = tmp_path / "text.txt"
    text.write_text("abcdefghij klmnopqrst\n" * 6000)
    small = ["--learn", "ekf", "--hidden-size", "4", "--embedding-size", "4", "--quiet"]
    out = tmp_path / "run"
    assert run(["train", "lm", str(text), "--out", str(out), *small, *options]) == 2
    errors = capsys.readouterr().err
    assert message in errors
    assert errors.count("\n") == 1
    assert not out.exists()
