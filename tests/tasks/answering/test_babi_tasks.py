"""The shipped settings on the twenty bAbI tasks."""

import json

import pytest

from elman.cli.main import run


@pytest.mark.slow
@pytest.mark.parametrize(("settings", "bound"), [("babi", 0.30), ("babi-lstm", 0.50)])
def test_five_epochs_reach_the_required_error(data_folder, tmp_path, settings, bound):
    files = sorted(map(str, (data_folder / "babi" / "en").glob("*.txt")))
    options = ["--config", settings, "--epochs", "5", "--out", str(tmp_path / "RUN"), "--quiet"]
    assert run(["train", "answer", *files, *options]) == 0
    records = map(json.loads, (tmp_path / "RUN" / "metrics.jsonl").read_text().splitlines())
    errors = [record["mean_error"] for record in records if record["split"] == "valid"]
    assert min(errors) < bound
