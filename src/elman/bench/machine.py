"""The machine in one line, without which no time means anything."""

import os
import platform
from pathlib import Path

import torch

from elman.engine.native.target import host


def machine_line() -> str:
    """Name the processor, its cores and how busy they are, torch, its threads, and vectors."""
    return (
        f"{_processor()}, {_cores()} cores{_load()}; torch {torch.__version__}, "
        f"{torch.get_num_threads()} threads; vectors of {host().lanes} float32"
    )


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _cores() -> int:
    """Count the cores that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _load() -> str:
    """Say how many programs wanted a core in the last minute, where the system tells."""
    return f", load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
