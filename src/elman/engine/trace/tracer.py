"""Tracing: from a cell's step, a plain function of torch tensors, to a flat program."""

from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass, replace
from itertools import count
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import _get_current_dispatch_mode

from elman.engine.compiler.program import (
    Matrix,
    Node,
    Program,
    Result,
    Source,
)
from elman.engine.compiler.simplify import simplified
from elman.engine.trace.clocks import by_clocks
from elman.engine.trace.constants import Constants
from elman.engine.trace.expression import Untraceable
from elman.engine.trace.record import Recorder
from elman.engine.trace.rows import Ambiguous
from elman.state import map_state, tensors

__all__ = ["Traced", "Untraceable", "fingerprint", "trace"]

_PRIMES = (13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101)
_ATTEMPTS = 6
_READERS = frozenset((Tensor.numpy, Tensor.tolist, Tensor.__array__, Tensor.__dlpack__))
_INTERNAL = frozenset((*nn.Module().__dict__, "_constructed_with"))
_PLAIN = (bool, int, float, complex, str, bytes, type(None))

Step = Callable[[Any, Any, Any], tuple[Any, Any]]


@dataclass(frozen=True)
class Traced:
    """A step as a program.

    Attributes:
        program: reads the leaves `input`, `state` and `vector`; its results are `output` 0 and
            `state`, numbered as the tensors of the state.
        weights: how its vectors and matrices follow from the module.
    """

    program: Program
    weights: Constants

    @property
    def vectors(self) -> int:
        """How many vectors the program reads."""
        return len(self.weights.vectors)

    @property
    def matrices(self) -> int:
        """How many matrices the program multiplies by."""
        return len(self.weights.matrices)

    def constants(self, module: nn.Module) -> tuple[list[Tensor], list[Tensor]]:
        """Compute the vectors and matrices, differentiable in the module's parameters.

        Args:
            module: the module that was traced, or one with the same `fingerprint`.

        Returns:
            The vectors `[features]` and the matrices `[rows, columns]`.
        """
        return self.weights.compute(module)


def trace(function: Step, module: nn.Module, inputs: Any, state: Any) -> Traced:
    """Turn a step into a program by running it on placeholders.

    The step is run for two batch sizes. What differs between them would depend on the batch or
    change from call to call, and a program could not repeat it.

    Args:
        function: takes the module, the inputs and the state and returns the output and the new
            state; it must not change the module.
        module: holds the parameters and buffers that the step reads.
        inputs: tensors `[batch, ...]` that give the shapes and types of a step's inputs.
        state: likewise for the state.

    Returns:
        The program.

    Raises:
        Untraceable: if the step is none that a program can express.
    """
    _refuse_tracers(module, inputs, state)
    before = _contents(module)
    found: list[Traced] = []
    ambiguous = Ambiguous()
    try:
        for batch in _batches(module, inputs, state):
            try:
                found.append(_traced(function, module, inputs, state, batch))
            except Ambiguous as error:
                ambiguous = error
            if len(found) == 2:
                break
    finally:
        changed = _restored(before)
    if changed:
        raise Untraceable("its step changes the attributes of its module")
    if len(found) < 2:
        raise ambiguous
    first, second = found
    same = first.program.text() == second.program.text()
    if not same or first.weights.text() != second.weights.text():
        raise Untraceable("its step depends on the batch size or differs from call to call")
    return first


def fingerprint(module: nn.Module) -> Hashable:
    """Return what a trace depends on besides the values of parameters.

    Args:
        module: any module.

    Returns:
        A value that is equal as long as a trace of the module holds.
    """
    seen: dict[int, int] = {}
    prints, parts = [], [module]
    while parts:  # as module.modules(), which takes longer than all the rest
        part = parts.pop()
        prints.append(_module_print(part, seen))
        parts.extend(inner for inner in part._modules.values() if inner is not None)
    return tuple(prints)


def _module_print(module: nn.Module, seen: dict[int, int]) -> Hashable:
    values: list[Any] = [type(module), module.training]
    for name, value in module.__dict__.items():
        if name not in _INTERNAL:
            values += (name, value if isinstance(value, _PLAIN) else _plain(value))
    if module._forward_hooks or module._forward_pre_hooks:
        values += (*module._forward_hooks, *module._forward_pre_hooks)
    for kept in (module._parameters, module._buffers):
        for name, tensor in kept.items():
            if tensor is None:
                values.append(name)
            else:
                place = seen.setdefault(id(tensor), len(seen))
                kind = type(tensor)
                values += (name, place, kind, tensor.shape, tensor.dtype, tensor.requires_grad)
    return tuple(values)


def _plain(value: Any) -> Hashable:
    """Return something hashable that tells a value from others."""
    if isinstance(value, list | tuple):
        return (type(value), *map(_plain, value))
    if isinstance(value, dict):
        return (type(value), *((_plain(key), _plain(part)) for key, part in value.items()))
    return value if isinstance(value, _PLAIN) else (type(value), id(value))


def _refuse_tracers(module: nn.Module, inputs: Any, state: Any) -> None:
    """Leave tensors without values of their own to the tools that made them."""
    if torch._C._functorch.peek_interpreter_stack() is not None:
        raise Untraceable("its step runs inside a transform of torch.func")
    if _get_current_dispatch_mode() is not None:
        raise Untraceable("its step is being traced by another tool")
    for part in (*module.parameters(), *module.buffers(), *tensors(inputs), *tensors(state)):
        if type(part) not in (Tensor, nn.Parameter, nn.Buffer):
            raise Untraceable(f"its step reads a {type(part).__name__}, not a plain tensor")


def _batches(module: nn.Module, inputs: Any, state: Any) -> Iterator[int]:
    """Yield batch sizes that no axis of a weight, input or state has."""
    parts = (*module.parameters(), *module.buffers(), *tensors(inputs), *tensors(state))
    sizes = {size for part in parts for size in part.shape}
    return iter([prime for prime in _PRIMES if prime not in sizes][:_ATTEMPTS])


def _contents(module: nn.Module) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Return the attributes, parameters and buffers of a module, each beside a copy."""
    places = [
        place
        for part in module.modules()
        for place in (part.__dict__, part._parameters, part._buffers)
    ]
    return [(place, dict(place)) for place in places]


def _restored(before: list[tuple[dict[str, Any], dict[str, Any]]]) -> bool:
    """Undo what the step did to its module; say whether it did anything."""
    changed = False
    for place, copy in before:
        if list(place) != list(copy) or any(place[name] is not copy[name] for name in copy):
            place.clear()
            place.update(copy)
            changed = True
    return changed


def _traced(function: Step, module: nn.Module, inputs: Any, state: Any, batch: int) -> Traced:
    """Trace with one batch size."""
    like = _like(inputs, state)
    recorder: Recorder | None = None
    try:
        with torch.inference_mode(False), torch.enable_grad():
            recorder = Recorder(module, batch, like)
            placeholders = _leaves(recorder, "input", inputs)
            before = _leaves(recorder, "state", state)
            with _NoReading(), recorder:
                output, after = function(module, placeholders, before)
            results = [_output(recorder, output), *_states(recorder, before, after)]
    except Untraceable as error:
        raise (recorder and recorder.failure) or error from None
    except Exception as error:
        if recorder is not None and recorder.failure is not None:
            raise recorder.failure from error
        lines = str(error).splitlines() or [type(error).__name__]
        raise Untraceable(f"its step fails when it is traced: {lines[0]}") from error
    if recorder.failure is not None:
        raise recorder.failure  # which the step caught
    program, constants = simplified(Program(tuple(results))), recorder.folding.constants()
    if like.device.type == "cpu":
        program, constants = by_clocks(program, constants)
    program, vectors, matrices = _renumbered(program)
    return Traced(program, constants.only(vectors, matrices))


def _leaves(recorder: Recorder, kind: str, structure: Any) -> Any:
    number = count()
    return map_state(lambda part: recorder.leaf(kind, next(number), part), structure)


def _like(inputs: Any, state: Any) -> Tensor:
    """Return a tensor of the one type and device of a step's leaves."""
    found: Tensor | None = None
    for what, structure in (("inputs", inputs), ("state", state)):
        for part in tensors(structure):
            if part.dim() == 0 or 0 in part.shape[1:]:
                raise Untraceable(f"a part of its {what} has no batch axis or no features")
            if part.dim() > 2:
                shape = _shown(part.shape)
                raise Untraceable(f"a part of its {what} has the shape {shape}")
            if not part.dtype.is_floating_point:
                raise Untraceable(
                    f"a part of its {what} is {part.dtype}, not floating-point numbers"
                )
            found = part if found is None else found
            if found.dtype != part.dtype:
                raise Untraceable(f"its step mixes {found.dtype} and {part.dtype}")
            if found.device != part.device:
                raise Untraceable(f"its step mixes {found.device} and {part.device}")
    if found is None:
        raise Untraceable("its step reads no inputs and no state")
    return found


def _output(recorder: Recorder, output: Any) -> Result:
    if not isinstance(output, Tensor):
        raise Untraceable(f"its output is a {type(output).__name__}, not a tensor")
    row = recorder.result(output, "its output")
    if len(row.shape) != 2:
        raise Untraceable(f"its output has the shape {_shown(row.shape)}")
    return Result(Source("output", 0), row.node, row.size)


def _states(recorder: Recorder, before: Any, after: Any) -> Iterator[Result]:
    old, new = list(tensors(before)), list(tensors(after))
    if len(old) != len(new):
        raise Untraceable(f"its state changes from {len(old)} to {len(new)} tensors")
    for number, (part, changed) in enumerate(zip(old, new, strict=True)):
        if part.shape != changed.shape:
            shapes = f"from {_shown(part.shape)} to {_shown(changed.shape)}"
            raise Untraceable(f"its state changes shape {shapes}")
        if part.dtype != changed.dtype:
            raise Untraceable(f"its state changes from {part.dtype} to {changed.dtype}")
        row = recorder.result(changed, "its new state")
        yield Result(Source("state", number), row.node, row.size)


def _shown(shape: Any) -> str:
    return f"[{', '.join(['batch', *map(str, shape[1:])])}]"


def _renumbered(program: Program) -> tuple[Program, list[int], list[int]]:
    """Number vectors and matrices in the order of use; return it and their old numbers."""
    vectors: dict[int, int] = {}
    matrices: dict[int, int] = {}
    new: dict[Node, Node] = {}
    for node in program.nodes():
        attribute = node.attribute
        if isinstance(attribute, Matrix):
            place = matrices.setdefault(attribute.index, len(matrices))
            attribute = Matrix(place, attribute.transposed)
        elif isinstance(attribute, Source) and attribute.kind == "vector":
            attribute = Source("vector", vectors.setdefault(attribute.index, len(vectors)))
        operands = tuple(new[operand] for operand in node.operands)
        new[node] = replace(node, operands=operands, attribute=attribute)
    results = (Result(target, new[node], width) for target, node, width in program.results)
    return Program(tuple(results)), list(vectors), list(matrices)


class _NoReading(TorchFunctionMode):
    """Refuses the ways out of torch that operations do not show."""

    def __torch_function__(
        self, function: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        if function in _READERS:
            raise Untraceable("its step branches on the values of tensors (.tolist(), .numpy())")
        return function(*args, **(kwargs or {}))
