"""What every test can rely on: one thread, and where the real data is."""

import os
from pathlib import Path

import pytest
import torch

torch.set_num_threads(1)


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """The folder of real data; tests that need it skip where it is absent."""
    default = Path(__file__).parent.parent.parent / "shared" / "data"
    folder = Path(os.environ.get("ELMAN_DATA", default))
    if not folder.is_dir():
        pytest.skip(f"no real data at {folder}: set ELMAN_DATA to its folder")
    return folder
