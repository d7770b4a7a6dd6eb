"""Single steps of a module for streams, on native code where it can."""

import threading
import weakref
from collections.abc import Callable, Hashable
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor, nn

from elman.engine.native.step import CompiledStep, CompiledStream
from elman.engine.trace import Traced, Untraceable, fingerprint, trace
from elman.state import map_state, tensors

ModuleStep = Callable[[Any, Any, Any], tuple[Tensor, Any]]
"""A function of a module, inputs and state that returns the output and the new state."""

Step = Callable[[Any, Any], tuple[Tensor, Any]]
"""A function of inputs and state that returns the output and the new state."""


class CarriedStep(Protocol):
    """A step that keeps its state; one thread may use it at a time.

    Attributes:
        state: the state after the last step, a copy; it can be set.
    """

    state: Any

    def __call__(self, inputs: Tensor, /) -> Tensor:
        """Advance one step, without gradients.

        Args:
            inputs: `[batch, input]`.

        Returns:
            The output `[batch, output]`.
        """


class Carried(NamedTuple):
    """A step that keeps its state, and why it is not compiled, if it is not."""

    step: CarriedStep
    reason: str | None


def step_function(function: ModuleStep, module: nn.Module, inputs: Any, state: Any) -> Step:
    """Return a module's step for many calls without gradients.

    Args:
        function: the step; always the same object for the same step of a module.
        module: the module whose weights the function uses; they must not change afterwards.
        inputs: example inputs, a structure of `[batch, features]` tensors.
        state: an example state.

    Returns:
        The step: one native call, or the function itself where it cannot be compiled.
    """
    try:
        traced = _traced(function, module, inputs, state)
        return CompiledStep(traced, module, inputs, state)
    except Untraceable:
        pass

    def step(inputs: Any, state: Any) -> tuple[Tensor, Any]:
        with torch.no_grad():
            return function(module, inputs, state)

    return step


def carried_step(function: ModuleStep, module: nn.Module, inputs: Tensor, state: Any) -> Carried:
    """Return a module's step that keeps its state.

    Args:
        function: the step; always the same object for the same step of a module.
        module: the module whose weights the function uses; they must not change afterwards.
        inputs: example inputs, `[batch, input]`.
        state: the state before the first step, of as many rows as each step will have.

    Returns:
        The step: one native call, or the function itself where it cannot be compiled.
    """
    try:
        traced = _traced(function, module, inputs, state)
        return Carried(CompiledStream(traced, module, state), None)
    except Untraceable as reason:
        return Carried(_EagerStream(function, module, state), str(reason))


class _EagerStream:
    """A step that carries its state on, as the module defines it."""

    def __init__(self, function: ModuleStep, module: nn.Module, state: Any) -> None:
        self._function = function
        self._module = module
        self._state = state

    @property
    def state(self) -> Any:
        return map_state(torch.clone, self._state)

    @state.setter
    def state(self, state: Any) -> None:
        with torch.no_grad():
            self._state = map_state(torch.clone, state)

    def __call__(self, inputs: Tensor) -> Tensor:
        with torch.no_grad():
            output, self._state = self._function(self._module, inputs, self._state)
            return output.clone()  # it may be a part of the state


_traces: "weakref.WeakKeyDictionary[nn.Module, dict[Hashable, Traced | str]]"
_traces = weakref.WeakKeyDictionary()
_tracing = threading.Lock()


def _traced(function: ModuleStep, module: nn.Module, inputs: Any, state: Any) -> Traced:
    """Trace a step, at the first call and whenever the module has changed."""
    leaves = [*tensors(inputs), *tensors(state)]
    for part in (*leaves, *module.parameters()):
        if part.device.type != "cpu":
            raise Untraceable("native code runs on the CPU")
        if part.dtype != torch.float32:
            raise Untraceable(f"the compiler handles torch.float32, not {part.dtype}")
    shapes = tuple(part.shape[1:] for part in leaves)
    key = function, fingerprint(module), shapes
    with _tracing:
        known = _traces.setdefault(module, {})
        if key not in known:
            try:
                known[key] = trace(function, module, inputs, state)
            except Untraceable as reason:
                known[key] = str(reason)  # the error itself would keep the module alive
        found = known[key]
    if isinstance(found, str):
        raise Untraceable(found)
    return found
