"""A program over time in torch operations: what kernels are recomputed by."""

from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Any, NamedTuple

import torch
from jaxtyping import Bool, Int
from torch import Tensor
from torch.autograd import forward_ad
from torch.nn import Parameter
from torch.utils._python_dispatch import _get_current_dispatch_mode

from elman.cells import Cell
from elman.engine.compiler.interpret import interpret
from elman.engine.compiler.program import Program, Source
from elman.state import tensors, where

_PLAIN = (Tensor, Parameter)


class Arguments(NamedTuple):
    """The tensors of a call that may have gradients.

    Attributes:
        inputs: sequences `[time, batch, features]`.
        states: the state's tensors before the first step, `[batch, features]`.
        initial: those that a row's state becomes when it is reset; none without resets.
        vectors: `[features]`.
        matrices: the weights of the products.
    """

    inputs: list[Tensor]
    states: list[Tensor]
    initial: list[Tensor]
    vectors: list[Tensor]
    matrices: list[Tensor]

    @classmethod
    def of(cls, flat: Sequence[Tensor], counts: Sequence[int]) -> "Arguments":
        """Sort tensors into their groups.

        Args:
            flat: the tensors, group after group.
            counts: how many each group has.

        Returns:
            The groups.
        """
        remaining = iter(flat)
        return cls(*([next(remaining) for _ in range(count)] for count in counts))


def gathered(
    cell: Cell[Any],
    constants: tuple[list[Tensor], list[Tensor]],
    leaves: Iterable[Tensor],
    state: Any,
    resets: Bool[Tensor, "time batch"] | None,
) -> Arguments:
    """Collect the tensors of a call.

    Args:
        cell: the cell.
        constants: the program's vectors and matrices, as computed from the cell.
        leaves: the sequences that the program reads, `[time, batch, ...]`.
        state: the state before the first step.
        resets: True where a row starts afresh before the step.

    Returns:
        The arguments; the state is the initial one in rows that the first step resets.
    """
    inputs = [_featured(part, 3) for part in leaves]
    initial: list[Tensor] = []
    if resets is not None:
        fresh = cell.initial_state(inputs[0].shape[1])
        state = where(resets[0], fresh, state)
        initial = [_featured(part, 2) for part in tensors(fresh)]
    states = [_featured(part, 2) for part in tensors(state)]
    return Arguments(inputs, states, initial, *constants)


def _featured(part: Tensor, axes: int) -> Tensor:
    """Give a part its feature axis where it came without."""
    return part if part.dim() == axes else part.unsqueeze(-1)


class Ragged(NamedTuple):
    """Which steps of which rows count.

    Attributes:
        lengths: valid steps of each row; all of them if not given.
        resets: True where a row starts afresh before the step; the first step's do not count.
    """

    lengths: Int[Tensor, " batch"] | None
    resets: Bool[Tensor, "time batch"] | None


def check_lengths(lengths: Int[Tensor, " batch"], time: int) -> None:
    """Check that lengths lie between 0 and the time steps.

    Args:
        lengths: valid steps of each row.
        time: the time steps of the inputs.

    Raises:
        ValueError: if one does not.
    """
    if lengths.numel() > 0 and not 0 <= int(lengths.min()) <= int(lengths.max()) <= time:
        raise ValueError(
            f"lengths must lie between 0 and the {time} time steps, "
            f"got {int(lengths.min())} to {int(lengths.max())}."
        )


def defined(program: Program, arguments: Arguments, ragged: Ragged) -> list[Tensor]:
    """Run a program over time, differentiable to any order.

    Args:
        program: a cell's program.
        arguments: the call's tensors.
        ragged: which steps count.

    Returns:
        The outputs `[time, batch, output]` and the state's tensors after the last step.
    """
    vectors = {Source("vector", index): part for index, part in enumerate(arguments.vectors)}
    states, outputs = list(arguments.states), []
    for step in range(arguments.inputs[0].shape[0]):
        if ragged.resets is not None and step > 0:
            states = where(ragged.resets[step], arguments.initial, states)
        leaves = {Source("input", i): part[step] for i, part in enumerate(arguments.inputs)}
        leaves |= {Source("state", index): part for index, part in enumerate(states)}
        results = interpret(program, leaves | vectors, arguments.matrices)
        output = results[Source("output", 0)]
        after = [results[Source("state", index)] for index in range(len(states))]
        if ragged.lengths is not None:
            valid = step < ragged.lengths
            after = where(valid, after, states)
            output = where(valid, output, torch.zeros_like(output))
        states = after
        outputs.append(output)
    return [torch.stack(outputs), *states]


def only_defined(call: Iterable[Tensor]) -> str | None:
    """Say what is done with tensors that no kernel can do, only the definition.

    Args:
        call: the tensors of a call, forward or backward.

    Returns:
        One clause, or None if a kernel can do it.
    """
    # The second is how autograd batches gradients (is_grads_batched, vectorize).
    transformed = torch._C._functorch.peek_interpreter_stack() is not None
    if transformed or torch._C._dispatch_tls_is_dispatch_key_included("VmapMode"):
        return "kernels have no rule inside a torch.func transform"
    if _get_current_dispatch_mode() is not None:
        return "a torch mode wants to see each operation"
    level = forward_ad._current_level
    for tensor in call:
        if type(tensor) not in _PLAIN:
            return f"kernels take plain tensors, not {type(tensor).__name__}"
        if level >= 0 and forward_ad.unpack_dual(tensor).tangent is not None:
            return "kernels have no forward-mode derivative"
    return None


def only_defined_weights(cell: Cell[Any]) -> str | None:
    """Say what is done with a cell's weights that no kernel can do; see `only_defined`.

    Their types are no matter here: a cell's program is traced again when they change.

    Args:
        cell: the cell.

    Returns:
        One clause, or None if a kernel can do it.
    """
    if forward_ad._current_level < 0:
        return None
    return only_defined(chain(cell.parameters(), cell.buffers()))


def defined_gradients(
    program: Program,
    arguments: Arguments,
    ragged: Ragged,
    needed: Sequence[bool],
    given: Sequence[Tensor | None],
) -> list[Tensor | None]:
    """Return gradients; where gradients are enabled, they can be differentiated again.

    Args:
        program: a cell's program.
        arguments: the call's tensors.
        ragged: which steps count.
        needed: which of the arguments have a gradient.
        given: the gradients of the outputs and of the final state's tensors; None is zero.

    Returns:
        The gradient of each argument; None where none is needed.
    """
    again = torch.is_grad_enabled()
    with torch.enable_grad():
        # Views, as one argument may depend on another: the state before on the same weights.
        flat = [tensor.view_as(tensor) for group in arguments for tensor in group]
        viewed = Arguments.of(flat, [len(group) for group in arguments])
        results = defined(program, viewed, ragged)
    pairs = [
        (result, gradient)
        for result, gradient in zip(results, given, strict=True)
        if gradient is not None and result.requires_grad
    ]
    found = torch.autograd.grad(
        [result for result, _ in pairs],
        [tensor for tensor, need in zip(flat, needed, strict=True) if need],
        [gradient for _, gradient in pairs],
        create_graph=again,
        allow_unused=True,
    )
    remaining = iter(found)
    return [next(remaining) if need else None for need in needed]
