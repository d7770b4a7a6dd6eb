"""What every test can rely on: one thread, steady properties, a text, and the real data."""

import os
import random
from pathlib import Path

import pytest
import torch
from hypothesis import settings

torch.set_num_threads(1)

# Machines differ in speed, and the first example of a property often pays for an import.
settings.register_profile("elman", deadline=None, derandomize=True, max_examples=50)
settings.load_profile("elman")

SENTENCE = "the cat sat on a mat and then it ran to her dog by our red door"


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """The folder of real data; tests that need it skip where it is absent."""
    default = Path(__file__).parent.parent.parent / "shared" / "data"
    folder = Path(os.environ.get("ELMAN_DATA", default))
    if not folder.is_dir():
        pytest.skip(f"no real data at {folder}: set ELMAN_DATA to its folder")
    return folder


@pytest.fixture(scope="session")
def text(tmp_path_factory) -> Path:
    """A text of some hundred characters in twenty lines."""
    words = SENTENCE.split()
    draw = random.Random(1)
    path = tmp_path_factory.mktemp("text") / "text.txt"
    path.write_text("\n".join(" ".join(draw.choices(words, k=5)) for _ in range(20)) + "\n")
    return path
