"""The engine: runs any cell over time on the fastest back end that fits."""

from elman.engine.choose import Choice, choose, explain
from elman.engine.compiled import unroll_compiled
from elman.engine.eager import unroll_eager
from elman.engine.frozen import freeze
from elman.engine.fused import FUSED_CELLS, unroll_fused
from elman.engine.steps import Carried, CarriedStep, Step, carried_step, step_function
from elman.engine.unroll import unroll

__all__ = [
    "FUSED_CELLS",
    "Carried",
    "CarriedStep",
    "Choice",
    "Step",
    "carried_step",
    "choose",
    "explain",
    "freeze",
    "step_function",
    "unroll",
    "unroll_compiled",
    "unroll_eager",
    "unroll_fused",
]
