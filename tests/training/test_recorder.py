import json
import math

from elman.training import RunFolder
from elman.training.recorder import Recorder


def test_what_came_after_the_checkpoint_is_cut_off(tmp_path):
    run = RunFolder(tmp_path)
    recorder = Recorder(run, 0, 0)
    recorder.record("train", 1, 0, loss=2.0)
    length = recorder.flush()
    recorder.record("train", 2, 0, loss=1.0)
    recorder.close()
    assert len(run.read_metrics()) == 2
    recorder = Recorder(run, length, 1)
    recorder.record("train", 2, 0, loss=0.5)
    recorder.close()
    assert [record["loss"] for record in run.read_metrics()] == [2.0, 0.5]


def test_numbers_that_are_not_finite_become_null(tmp_path):
    recorder = Recorder(RunFolder(tmp_path), 0, 0)
    recorder.record("valid", 1, 1, loss=1000.0, perplexity=math.inf)
    recorder.close()
    line = (tmp_path / "metrics.jsonl").read_text()
    assert json.loads(line)["perplexity"] is None
    assert "Infinity" not in line


def test_curves_are_written_for_tensorboard(tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    recorder = Recorder(RunFolder(tmp_path), 0, 0)
    for step in range(3):
        recorder.record("valid", step, 1, loss=3.0 - step)
    recorder.close()
    events = EventAccumulator(str(tmp_path)).Reload()
    assert [(e.step, e.value) for e in events.Scalars("valid/loss")] == [(0, 3), (1, 2), (2, 1)]
