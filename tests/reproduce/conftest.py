"""Experiments of a moment, in modules that the processes of the seeds can import."""

import pytest

from elman.reproduce import table

SOURCE = """
import os
import torch
from elman.errors import DivergenceError, MissingExtraError
from elman.reproduce.experiment import Experiment, Row

def run(seed):
    {body}

ROWS = (Row("draw", "units", 0.5, 2.0), Row("threads", "count"))
EXPERIMENT = Experiment("Nobody 1900", "a draw", ROWS, run)
"""


@pytest.fixture
def make_experiment(tmp_path, monkeypatch):
    """Makes an experiment out of the body of its `run`; returns its module."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(table, "EXPERIMENTS", {})

    def make(name: str, body: str) -> str:
        module = f"experiment_{name}"
        (tmp_path / f"{module}.py").write_text(SOURCE.format(body=body))
        table.EXPERIMENTS[name] = module
        return module

    return make
