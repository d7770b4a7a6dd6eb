"""The engine: runs any cell over time on the fastest back end that fits."""

from elman.engine.choose import Choice, choose, explain
from elman.engine.eager import unroll_eager
from elman.engine.fused import FUSED_CELLS, unroll_fused
from elman.engine.unroll import unroll

__all__ = [
    "FUSED_CELLS",
    "Choice",
    "choose",
    "explain",
    "unroll",
    "unroll_eager",
    "unroll_fused",
]
