"""Recurrent networks, whole: cells, engine, learning rules, and complete applications."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from elman.cells import CELLS, Cell, LinearCell, ReservoirCell, TreeCell
    from elman.engine import explain, freeze, unroll
    from elman.nn import RNN, Stream
    from elman.training import load

__version__ = "0.1.0"

# Loaded on first use, so that the command line answers before torch has been imported.
_HOME = {
    "CELLS": "elman.cells",
    "Cell": "elman.cells",
    "LinearCell": "elman.cells",
    "ReservoirCell": "elman.cells",
    "TreeCell": "elman.cells",
    "explain": "elman.engine",
    "freeze": "elman.engine",
    "unroll": "elman.engine",
    "RNN": "elman.nn",
    "Stream": "elman.nn",
    "load": "elman.training",
}

__all__ = [
    "CELLS",
    "RNN",
    "Cell",
    "LinearCell",
    "ReservoirCell",
    "Stream",
    "TreeCell",
    "explain",
    "freeze",
    "load",
    "unroll",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'elman' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)
