"""Kernels run on the GPU if there is one, else under Triton's interpreter."""

import os

import pytest
import torch

try:
    # Triton settles at its import whether it will interpret.
    before = os.environ.get("TRITON_INTERPRET")
    if not torch.cuda.is_available():
        os.environ["TRITON_INTERPRET"] = "1"
    import triton.language as tl
except ImportError:
    tl = None
finally:
    if before is None:
        os.environ.pop("TRITON_INTERPRET", None)

from elman.engine.triton import available


@pytest.fixture(autouse=True)
def kernels(monkeypatch):
    """Let kernels run here, or skip the test."""
    if tl is None:
        pytest.skip("Triton is not installed")
    if not torch.cuda.is_available():
        if type(tl.sum).__name__ != "InterpretedFunction":
            pytest.skip("Triton was imported before it could be told to interpret")
        monkeypatch.setenv("TRITON_INTERPRET", "1")
    available.is_interpreting.cache_clear()
    yield
    available.is_interpreting.cache_clear()


@pytest.fixture
def device():
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")
