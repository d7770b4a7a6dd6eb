"""The programs of cells, traced when first needed and kept while the cell lives."""

import os
import threading
import weakref
from collections.abc import Hashable
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import chain
from typing import Any

import torch
from torch import Tensor

from elman.cells import Cell
from elman.engine.compiler.derivative import Derivative, derivative
from elman.engine.compiler.program import Program, Source
from elman.engine.compiler.reuse import in_place
from elman.engine.compiler.saving import saving, saving_reductions
from elman.engine.definition import only_defined
from elman.engine.frozen import FrozenWeights
from elman.engine.trace import Traced, Untraceable, fingerprint, trace
from elman.state import map_state, tensors

HOISTED_FEATURES = 16
"""Input features from which the input's product is done for all steps at once."""


@dataclass(frozen=True, eq=False)
class Compiled:
    """A cell as a program.

    Attributes:
        traced: the program and how the cell's weights enter it.
        whole: whether the program reads the inputs themselves; otherwise it reads what the cell's
            `project` made of them, which then is no work of one step alone.
        native: what native code keeps for it, by what it depends on besides the program.
    """

    traced: Traced
    whole: bool
    native: dict[Hashable, Any] = field(default_factory=dict)

    def frozen_weights(self, cell: Cell[Any]) -> FrozenWeights:
        """Return the weights of a cell that is frozen, the same ones until they change.

        Args:
            cell: the cell.

        Returns:
            The weights.
        """
        constants = self.traced.weights
        found: FrozenWeights | None = self.native.get("frozen")
        if found is None or not found.hold(constants, cell):
            found = self.native["frozen"] = FrozenWeights(constants, cell)
        return found


# Why a cell has none, in words: an exception would hold the frames that it was raised in, and
# with them the cell.
_programs: "weakref.WeakKeyDictionary[Cell[Any], dict[Hashable, Compiled | str]]"
_programs = weakref.WeakKeyDictionary()
# One thread may come back while it traces: a cell may unroll another.
_tracing = threading.RLock()


def compiled(cell: Cell[Any], inputs: Tensor, state: Any) -> Compiled:
    """Return a cell's program, traced at the first call and whenever the cell has changed.

    Args:
        cell: any cell.
        inputs: `[time, batch, input]`.
        state: a state of the cell.

    Returns:
        The program.

    Raises:
        Untraceable: if the cell's step is no flat program.
    """
    widths = tuple((tuple(part.shape[1:]), part.dtype) for part in tensors(state))
    key = fingerprint(cell), inputs.shape[2], inputs.dtype, widths
    with _tracing:
        known = _programs.setdefault(cell, {})
        if key not in known:
            known[key] = _traced(cell, inputs, state)
        found = known[key]
    if isinstance(found, str):
        raise Untraceable(found)
    return found


def _traced(cell: Cell[Any], inputs: Tensor, state: Any) -> Compiled | str:
    """Return a cell's program, or why it has none."""
    obstacle = only_defined(chain(cell.parameters(), cell.buffers()))
    if obstacle is not None:
        return obstacle
    row = inputs.detach()[0]
    # Masks drawn while tracing must not change those drawn afterwards.
    with (
        torch.random.fork_rng(devices=[]),
        torch.no_grad(),
        torch.autocast(inputs.device.type, enabled=False),
    ):
        try:
            whole = trace(_whole_step, cell, row, state)
            if _projects_steps_alone(cell, inputs):
                return Compiled(whole, whole=True)
        except Untraceable:
            pass
        try:
            projected = map_state(lambda part: part[0], cell.project(inputs.detach()))
            return Compiled(trace(_step, cell, projected, state), whole=False)
        except Untraceable as reason:
            return str(reason)


def _projects_steps_alone(cell: Cell[Any], like: Tensor) -> bool:
    """Try out whether a cell projects a sequence as it projects the steps one by one."""
    sequence = torch.randn(3, 2, like.shape[2], dtype=like.dtype, device=like.device)
    try:
        together = tensors(cell.project(sequence))
        alone = zip(*(tensors(cell.project(step)) for step in sequence), strict=True)
        return all(
            torch.allclose(whole, torch.stack(steps), rtol=1e-3, atol=1e-5, equal_nan=True)
            for whole, steps in zip(together, alone, strict=True)
        )
    except Exception:  # it takes sequences of some lengths alone, say
        return False


def _whole_step(cell: Cell[Any], inputs: Tensor, state: Any) -> tuple[Tensor, Any]:
    return cell.step(cell.project(inputs), state)


def _step(cell: Cell[Any], projected: Any, state: Any) -> tuple[Tensor, Any]:
    return cell.step(projected, state)


def _trace_after_fork() -> None:
    """Make tracing possible in a forked process, whatever other threads were tracing."""
    global _tracing
    _tracing = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_trace_after_fork)


@lru_cache(maxsize=1024)
def hoists(program: Program) -> bool:
    """Say whether the products of the inputs alone are done for all steps at once.

    Args:
        program: a cell's program.

    Returns:
        False where the inputs have so few features that a step reads them faster than their
        product.
    """
    widths = [
        node.width
        for node in program.nodes()
        if node.op == "leaf" and node.attribute.kind == "input"
    ]
    return max(widths, default=0) >= HOISTED_FEATURES


@lru_cache(maxsize=1024)
def training_of(program: Program) -> Program:
    """Return the program that saves values for its derivative, found once.

    Args:
        program: a cell's program.

    Returns:
        The program to run where gradients are needed.
    """
    return saving_reductions(saving(program))


@lru_cache(maxsize=1024)
def derivative_of(program: Program, wanted: frozenset[Source]) -> Derivative:
    """Return the derivative of a program that has run with its values saved, found once.

    Args:
        program: a cell's program.
        wanted: the leaves whose gradients are needed.

    Returns:
        The derivative.
    """
    return derivative(training_of(program), wanted.__contains__)


@lru_cache(maxsize=1024)
def overwriting_derivative_of(program: Program, wanted: frozenset[Source]) -> Derivative:
    """Return the derivative that leaves gradients where products were, found once.

    Args:
        program: a cell's program.
        wanted: the leaves whose gradients are needed.

    Returns:
        The derivative.
    """
    return in_place(derivative_of(program, wanted))
