import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from elman.errors import CheckpointError
from elman.tasks.classification import ClassificationConfig
from elman.tasks.language_model import LanguageModelData
from elman.tasks.task import Sources
from elman.training import RunFolder, TrainingOptions, load, loop, train

VARIANTS = {
    "carried": {"dropout": 0.3, "num_layers": 2, "zoneout": 0.1},
    "long horizon": {"stride": 5, "horizon": 13, "cell": "gru", "optimizer": "nesterov"},
    "lines": {"learn": "bptt", "dropout": 0.2, "schedule": "plateau"},
    "transformer": {"model": "transformer", "heads": 2, "memory": 6, "optimizer": "rmsprop"},
    "mlp": {"model": "mlp", "schedule": "step", "decay_after": 1},
}


def without_seconds(run: Path) -> list[dict[str, object]]:
    records = RunFolder(run).read_metrics()
    return [{k: v for k, v in record.items() if k != "seconds"} for record in records]


def assert_same_training(one: Path, other: Path) -> None:
    weights, others = load_file(one / "model.safetensors"), load_file(other / "model.safetensors")
    assert weights.keys() == others.keys()
    assert all(torch.equal(weights[name], others[name]) for name in weights)
    assert without_seconds(one) == without_seconds(other)
    last, other_last = (
        torch.load(run / "checkpoint/state.pt", weights_only=True)["model"] for run in (one, other)
    )
    assert all(torch.equal(last[name], other_last[name]) for name in last)


class StopError(Exception):
    """What the tests stop a training with."""


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_training_killed_after_a_checkpoint_ends_as_the_uninterrupted_one(
    tmp_path, run_training, monkeypatch, variant
):
    monkeypatch.setattr(loop, "STEPS_PER_RECORD", 4)
    settings = VARIANTS[variant]
    run_training(tmp_path / "whole", **settings)
    steps = without_seconds(tmp_path / "whole")[-1]["step"]
    update = loop.Loop._update

    def stopping_at(saved, stop):
        def stopping(self, batch):
            value = update(self, batch)
            if self.progress.step == saved:
                self._save()
            if self.progress.step == stop:
                raise StopError
            return value

        return stopping

    # The work after the checkpoint is lost and done again.
    places = [(2, 2), (7, 10), (steps // 2, steps // 2 + 5), (steps - 1, steps)]
    for resume, (saved, stop) in enumerate(places):
        monkeypatch.setattr(loop.Loop, "_update", stopping_at(saved, stop))
        with pytest.raises(StopError):
            run_training(tmp_path / "parts", resume=bool(resume), **settings)
    monkeypatch.setattr(loop.Loop, "_update", update)
    run_training(tmp_path / "parts", resume=True, **settings)
    assert_same_training(tmp_path / "whole", tmp_path / "parts")


def test_an_interrupt_saves_and_a_resumed_training_ends_the_same(
    tmp_path, run_training, monkeypatch
):
    run_training(tmp_path / "whole")
    update = loop.Loop._update

    def interrupting(self, batch):
        value = update(self, batch)
        if self.progress.step == 7:
            os.kill(os.getpid(), number)
        return value

    monkeypatch.setattr(loop.Loop, "_update", interrupting)
    for number in (signal.SIGINT, signal.SIGTERM):
        out = tmp_path / f"by {number.name}"
        before = signal.getsignal(number)
        with pytest.raises(KeyboardInterrupt):
            run_training(out)
        assert signal.getsignal(number) is before
        saved = torch.load(out / "checkpoint/state.pt", weights_only=True)
        assert saved["progress"]["step"] == 7
        run_training(out, resume=True)
        assert_same_training(tmp_path / "whole", out)


def test_what_keeps_no_corpus_is_unfinished_until_its_end(tmp_path, monkeypatch):
    table = tmp_path / "words.tsv"
    table.write_text("text\tlabel\n" + "anna\tf\nbernd\tm\n" * 20)

    def run(out, *, resume=False):
        config = ClassificationConfig(unit="char", hidden_size=4, embedding_size=4)
        options = TrainingOptions(epochs=4, batch_size=4)
        sources = Sources((str(table),))
        train("classify", config, options, sources, out, resume=resume, quiet=True)

    run(tmp_path / "whole")
    update = loop.Loop._update

    def stopping(self, batch):
        if self.progress.epoch == 2:
            self.interrupt.requested = True
        return update(self, batch)

    with monkeypatch.context() as stopped:
        stopped.setattr(loop.Loop, "_update", stopping)
        with pytest.raises(KeyboardInterrupt):
            run(tmp_path / "parts")
    assert (tmp_path / "parts/model.safetensors").exists()
    run(tmp_path / "parts", resume=True)
    assert_same_training(tmp_path / "whole", tmp_path / "parts")


def test_a_failure_while_validating_costs_only_the_work_since_the_checkpoint(
    tmp_path, run_training, monkeypatch
):
    run_training(tmp_path / "whole")
    validate = LanguageModelData.validate

    def failing(self, model, device):
        raise StopError

    monkeypatch.setattr(LanguageModelData, "validate", failing)
    with pytest.raises(StopError):
        run_training(tmp_path / "parts")
    monkeypatch.setattr(LanguageModelData, "validate", validate)
    run_training(tmp_path / "parts", resume=True)
    assert_same_training(tmp_path / "whole", tmp_path / "parts")


def test_a_finished_training_is_not_trained_again(tmp_path, run_training, text):
    out = tmp_path / "run"
    run_training(out)
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    task = run_training(out, resume=True)
    assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == before
    assert task.score(["the"]) == load(out).score(["the"])


def test_without_resume_a_run_is_left_alone(tmp_path, run_training):
    run_training(tmp_path / "run", epochs=1)
    with pytest.raises(CheckpointError, match="already holds this run: add --resume"):
        run_training(tmp_path / "run", epochs=1)
    for resume in (False, True):
        with pytest.raises(CheckpointError, match=r"a different run \(epochs is 1 there, 2 here"):
            run_training(tmp_path / "run", epochs=2, resume=resume)


def test_resume_starts_where_there_is_nothing_yet(tmp_path, run_training):
    run_training(tmp_path / "new", resume=True, epochs=1)
    (tmp_path / "empty").mkdir()
    run_training(tmp_path / "empty", resume=True, epochs=1)
    (tmp_path / "killed").mkdir()
    (tmp_path / "killed/.config.toml.4711.part").write_text('task = "l')
    run_training(tmp_path / "killed", resume=True, epochs=1)
    assert load(tmp_path / "killed").kind == "lm"
    assert not list((tmp_path / "killed").rglob("*.part"))


ARGUMENTS = ["--hidden-size", "8", "--embedding-size", "8", "--unroll", "8", "--batch-size", "2"]
ARGUMENTS += ["--epochs", "4", "--dropout", "0.2", "--quiet"]
# Checkpoints after nearly every step, so that kills fall into the middle of writing, too.
SCRIPT = """
import sys, time
from elman.training import loop
from elman.cli.main import main
loop.CHECKPOINT_SECONDS = 0.002
loop.STEPS_PER_RECORD = 7
update = loop.Loop._update
def slow(self, batch):
    time.sleep(0.004)
    return update(self, batch)
loop.Loop._update = slow
main(sys.argv[1:])
"""


def start(text: Path, out: Path, *more: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", SCRIPT, "train", "lm", str(text), "--out", str(out)]
    return subprocess.Popen(
        [*command, *ARGUMENTS, *more], stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def wait_for_progress(run: Path, process: subprocess.Popen[str], seconds: float) -> None:
    """Until the process has written to its checkpoint, and a while more."""
    started = time.time()
    checkpoint = run / "checkpoint/state.pt"
    while process.poll() is None:
        if checkpoint.exists() and checkpoint.stat().st_mtime >= started:
            time.sleep(seconds)
            return
        time.sleep(0.01)


def test_ctrl_c_exits_with_advice_and_resume_goes_on(tmp_path, text):
    process = start(text, tmp_path / "run")
    wait_for_progress(tmp_path / "run", process, 0.0)
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert output == ""
    assert errors == (
        f"elman: interrupted: {tmp_path / 'run'} holds all so far; "
        "run the same command with --resume to go on.\n"
    )
    assert not list((tmp_path / "run").rglob("*.part"))
    state = torch.load(tmp_path / "run/checkpoint/state.pt", weights_only=True)
    assert state["progress"]["step"] > 0


def test_a_second_training_in_the_same_folder_is_refused(tmp_path, run_training, monkeypatch, text):
    update = loop.Loop._update
    refused = []

    def second(self, batch):
        if self.progress.step == 3:
            process = start(text, tmp_path / "run", "--resume")
            refused.append((process.communicate(timeout=60), process.returncode))
        return update(self, batch)

    monkeypatch.setattr(loop.Loop, "_update", second)
    run_training(tmp_path / "run", epochs=1)
    (((output, errors), status),) = refused
    assert (output, status) == ("", 2)
    assert errors.startswith(f"elman train: {tmp_path / 'run'} is in use by another training")


@pytest.mark.slow
def test_kills_at_random_moments_change_nothing(tmp_path, text):
    process = start(text, tmp_path / "whole")
    assert process.communicate(timeout=300) == ("", "")
    draw = random.Random(5)
    killed = 0
    for _ in range(12):
        process = start(text, tmp_path / "parts", "--resume")
        if draw.random() < 0.3:
            time.sleep(draw.uniform(0.0, 2.0))  # also while starting and tokenising
        else:
            wait_for_progress(tmp_path / "parts", process, draw.uniform(0.0, 0.15))
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=60)
        killed += process.returncode == -signal.SIGKILL
        if process.returncode == 0:
            break
    process = start(text, tmp_path / "parts", "--resume")
    assert process.communicate(timeout=300) == ("", "")
    assert killed >= 5
    assert_same_training(tmp_path / "whole", tmp_path / "parts")
    lines = (tmp_path / "parts/metrics.jsonl").read_text().splitlines()
    assert all(isinstance(json.loads(line), dict) for line in lines)
    assert not list((tmp_path / "parts").rglob("*.part"))
