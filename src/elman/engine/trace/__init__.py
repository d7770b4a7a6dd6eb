"""Tracing: from a step in plain torch to a flat program."""

from elman.engine.trace.expression import Untraceable
from elman.engine.trace.tracer import Traced, fingerprint, trace

__all__ = ["Traced", "Untraceable", "fingerprint", "trace"]
