import subprocess

import pytest
import torch

from elman import explain
from elman.bench.first_use import first_uses
from elman.bench.shapes import Shape
from elman.cells import GRUCell

SHAPE = Shape(2, 3, 4, inputs=3)


def test_a_process_of_its_own_uses_the_cells_in_turn(tmp_path):
    ((seconds, backend), (again, _)) = first_uses(["gru", "gru"], SHAPE, str(tmp_path))
    assert isinstance(seconds, float)
    assert isinstance(again, float)
    assert backend == explain(GRUCell(3, 4), torch.zeros(2, 3, 3)).partition(":")[0]
    # Only a compiled cell leaves anything behind, and it leaves it where it was told to.
    assert any(tmp_path.rglob("*.o")) == (backend == "compiled")


def test_what_went_wrong_is_said(monkeypatch):
    errors = "Traceback (most recent call last):\n  ...\nOSError: no room\n"
    failed = subprocess.CompletedProcess([], 1, stdout="", stderr=errors)
    monkeypatch.setattr("elman.bench.first_use.subprocess.run", lambda *_, **__: failed)
    with pytest.raises(RuntimeError, match=r"could not be measured: OSError: no room$"):
        first_uses(["lstm"], SHAPE, "nowhere")
