import json
import math

import pytest
import torch
from safetensors.torch import load_file

from elman.errors import DivergenceError
from elman.tasks.language_model import LanguageModelData
from elman.tasks.task import Validation
from elman.training import RunFolder, load, loop


@pytest.fixture
def scripted(monkeypatch):
    """Validation losses to be given out one after another."""

    def script(*losses):
        remaining = iter(losses)
        monkeypatch.setattr(
            LanguageModelData, "validate", lambda *_: Validation(next(remaining), {})
        )

    return script


def test_metrics_are_one_object_a_line(tmp_path, run_training, monkeypatch):
    monkeypatch.setattr(loop, "STEPS_PER_RECORD", 5)
    run_training(tmp_path / "run")
    lines = (tmp_path / "run/metrics.jsonl").read_text().splitlines()
    records = [json.loads(line) for line in lines]
    assert records == RunFolder(tmp_path / "run").read_metrics()
    valid = [record for record in records if record["split"] == "valid"]
    train = [record for record in records if record["split"] == "train"]
    assert [record["epoch"] for record in valid] == [1, 2, 3]
    steps = valid[0]["step"]
    assert [record["step"] for record in valid] == [steps, 2 * steps, 3 * steps]
    assert [record["step"] for record in train] == list(range(5, 3 * steps + 1, 5))
    for record in records:
        assert record["perplexity"] == pytest.approx(math.exp(record["loss"]))
    assert set(valid[0]) == {"step", "epoch", "split", "loss", "perplexity", "seconds"}
    assert set(train[0]) == set(valid[0]) | {"gradient_norm", "clipped", "learning_rate"}
    seconds = [record["seconds"] for record in records]
    assert seconds == sorted(seconds)


def test_training_stops_when_patience_is_over(tmp_path, run_training, scripted):
    scripted(3.0, 2.0, 2.5, 2.0, 9.0)
    run_training(tmp_path / "run", epochs=5, patience=2)
    assert [r["loss"] for r in RunFolder(tmp_path / "run").read_metrics()] == [3.0, 2.0, 2.5, 2.0]


def test_the_weights_kept_are_those_of_the_best_epoch(tmp_path, run_training, scripted):
    scripted(3.0, 2.0, 2.5)
    run_training(tmp_path / "whole", epochs=3, schedule="constant")
    scripted(3.0, 2.0)
    run_training(tmp_path / "best", epochs=2, schedule="constant")
    scripted(3.0, 2.0, 1.0)
    run_training(tmp_path / "last", epochs=3, schedule="constant")
    whole, best, last = (
        load_file(tmp_path / name / "model.safetensors") for name in ("whole", "best", "last")
    )
    assert all(torch.equal(whole[name], best[name]) for name in whole)
    assert not all(torch.equal(whole[name], last[name]) for name in whole)


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_divergence_names_the_step_and_the_gradient(tmp_path, run_training, optimizer):
    wild = {"optimizer": optimizer, "learning_rate": 1e12, "clip": math.inf, "cell": "irnn"}
    with pytest.raises(DivergenceError, match=r"at step \d+ \(gradient norm .*\)|after epoch"):
        run_training(tmp_path / "run", schedule="constant", **wild)


def test_divergence_keeps_the_best_weights(tmp_path, run_training, monkeypatch):
    original = loop.Loop._update

    def poisoned(self, batch):
        if self.progress.epoch == 1:
            next(iter(self.model.parameters())).data.fill_(math.nan)
        return original(self, batch)

    monkeypatch.setattr(loop.Loop, "_update", poisoned)
    with pytest.raises(DivergenceError) as caught:
        run_training(tmp_path / "run")
    monkeypatch.undo()
    assert "the loss became nan at step" in str(caught.value)
    assert "gradient norm nan" in str(caught.value)
    weights = load_file(tmp_path / "run/model.safetensors")
    assert all(bool(array.isfinite().all()) for array in weights.values())
    assert load(tmp_path / "run").score(["the cat"])[0][0]["log_probability"] < 0


@pytest.mark.parametrize("loss", [math.nan, math.inf])
def test_a_validation_loss_that_is_not_finite_is_divergence(tmp_path, run_training, scripted, loss):
    scripted(3.0, loss)
    with pytest.raises(DivergenceError, match="after epoch 2"):
        run_training(tmp_path / "run")
    load(tmp_path / "run")


@pytest.mark.parametrize(
    "settings",
    [
        {"learn": "bptt"},
        {"stride": 3, "horizon": 7},
        {"optimizer": "rmsprop", "schedule": "plateau"},
        {"optimizer": "nesterov", "schedule": "step", "learning_rate": 0.1},
        {"optimizer": "sgd", "weight_decay": 0.01, "learning_rate": 0.1},
        {"precision": "bf16"},
    ],
)
def test_options_train(tmp_path, run_training, settings):
    run_training(tmp_path / "run", **settings)
    records = RunFolder(tmp_path / "run").read_metrics()
    losses = [record["loss"] for record in records if record["split"] == "valid"]
    assert len(losses) == 3
    assert losses[2] < losses[0] < 4


def test_the_same_seed_gives_the_same_weights_and_another_others(tmp_path, run_training):
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        run_training(tmp_path / name, seed=seed, dropout=0.2, epochs=1)
    a, b, c = ((tmp_path / name / "model.safetensors").read_bytes() for name in "abc")
    assert a == b != c


def test_a_plateau_of_the_validation_loss_lowers_the_learning_rate(
    tmp_path, run_training, scripted, monkeypatch
):
    monkeypatch.setattr(loop, "STEPS_PER_RECORD", 1)
    scripted(3.0, 3.5, 2.0)
    run_training(tmp_path / "run", schedule="plateau", decay=0.1, learning_rate=0.01)
    records = RunFolder(tmp_path / "run").read_metrics()
    rates = {epoch: set() for epoch in range(3)}
    for record in records:
        if record["split"] == "train":
            rates[record["epoch"]].add(round(record["learning_rate"], 9))
    assert rates == {0: {0.01}, 1: {0.01}, 2: {0.001}}


def test_the_learning_rate_warms_up_for_a_tenth_of_the_training_at_most(
    tmp_path, run_training, monkeypatch
):
    monkeypatch.setattr(loop, "STEPS_PER_RECORD", 1)
    run_training(tmp_path / "run", schedule="constant", learning_rate=0.01, warmup=1000)
    records = RunFolder(tmp_path / "run").read_metrics()
    rates = [record["learning_rate"] for record in records if record["split"] == "train"]
    rise = len(rates) // 10
    assert rise >= 2
    for step, rate in enumerate(rates):
        assert rate == pytest.approx(0.01 * min(1.0, (step + 1) / rise))
