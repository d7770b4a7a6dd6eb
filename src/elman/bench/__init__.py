"""Speed against torch's layers, plain loops and onnxruntime, as ratios."""

from elman.bench.contenders import check_cell
from elman.bench.interleave import interleaved_seconds
from elman.bench.jobs import QUICK_SECONDS, SECONDS, Job, list_jobs, run_jobs
from elman.bench.machine import machine_line
from elman.bench.measure import Row

__all__ = [
    "QUICK_SECONDS",
    "SECONDS",
    "Job",
    "Row",
    "check_cell",
    "interleaved_seconds",
    "list_jobs",
    "machine_line",
    "run_jobs",
]
