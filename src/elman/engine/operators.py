"""The compiled back end as custom operators: what `torch.compile` sees of it is one opaque call.

While `torch.compile` reads a program, the cell is traced and its program gets a number. The graph
holds the number, one operator forward and one backward, and around them, in plain torch
operations, the cell's projection and what follows from its weights alone.
"""

import hashlib
from collections.abc import Iterable, Sequence
from itertools import compress
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd import forward_ad

from elman.cells import Cell
from elman.engine.choose import choose
from elman.engine.compiled import Native, ragged
from elman.engine.compiler.program import Program
from elman.engine.compiler.schedule import schedule
from elman.engine.definition import Ragged, check_lengths, gathered
from elman.engine.eager import unroll_eager
from elman.engine.native.execute import KeptPlaces
from elman.engine.native.kernels import Precision
from elman.engine.programs import Compiled, compiled, hoists, training_of
from elman.state import map_state, rebuild, tensors


class _Plan(NamedTuple):
    """A cell as `torch.compile` found it.

    Attributes:
        number: what the operators know its program by.
        found: its program.
    """

    number: int
    found: Compiled


class _Plans:
    """Holds each plan as an attribute: a compiled function depends on those alone that it read."""


_plans = _Plans()
_programs: dict[int, Compiled] = {}


def unroll_in_graph(
    cell: Cell[Any],
    inputs: Tensor,
    state: Any,
    lengths: Tensor | None,
    resets: Tensor | None,
    projected: Any = None,
) -> tuple[Tensor, Any]:
    """Run a cell forward over time where `torch.compile` is reading.

    Args:
        cell: any cell.
        inputs: `[time, batch, input]`, at least one time step.
        state: the state before the first step.
        lengths: valid steps of each row, 0 to time; all of them if not given.
        resets: True where a row starts afresh before the step.
        projected: what the cell's `project` made of the inputs; made here if not given.

    Returns:
        Outputs and final state as `unroll_eager` returns them.
    """
    name = ""
    # What is exported has to run where this package is not.
    if inputs.numel() > 0 and not torch.compiler.is_exporting():
        name = _planned(cell, inputs.dtype, inputs.device.type)
    if not name:
        return unroll_eager(cell, inputs, state, lengths, resets, projected)
    number, found = getattr(_plans, name)
    inputs = inputs.float()
    leaves = [inputs]
    if found.whole:
        projected = cell.project(inputs[:1])
    elif projected is None:
        projected = cell.project(inputs)
    if not found.whole:
        leaves = [part.float() for part in tensors(projected)]
    # The numbers of this step are of no use and not computed. But all that it reads, a mode or a
    # rate, is now known to be what the compiled function depends on.
    cell.step(map_state(lambda part: part[0], projected), state)
    arguments = gathered(cell, found.traced.constants(cell), leaves, state, resets)
    flat = [tensor for group in arguments for tensor in group]
    counts = [len(group) for group in arguments]
    keep = torch.is_grad_enabled() and any(tensor.requires_grad for tensor in flat)
    precision = "bfloat16" if torch.is_autocast_enabled("cpu") else "float32"
    sequence, *parts = torch.ops.elman.unroll(
        number, precision, flat, counts, lengths, resets, keep
    )
    outputs = sequence[1:] if sequence.shape[0] > inputs.shape[0] else sequence
    shaped = [part.view(like.shape) for part, like in zip(parts, tensors(state), strict=False)]
    return outputs, rebuild(state, shaped)


@torch.compiler.assume_constant_result
def _planned(cell: Cell[Any], dtype: torch.dtype, device: str) -> str:
    """Return the name of a cell's plan; none where it does not run on native code."""
    inputs = torch.zeros(1, 1, cell.input_size, dtype=dtype, device=device)
    state = cell.initial_state(1)
    in_forward_mode = forward_ad._current_level >= 0
    if in_forward_mode or choose(cell, inputs, state).backend != "compiled":
        return ""
    found = compiled(cell, inputs, state)
    program = found.traced.program
    number = _number(program)
    _programs.setdefault(number, found)
    name = f"plan_{id(found)}"  # which the plan keeps alive
    setattr(_plans, name, _Plan(number, found))
    return name


def _number(program: Program) -> int:
    """Return a number that no other program has, nor this one where it is laid out differently.

    Compiled graphs hold it, and torch may keep them on disk for other processes to find.
    """
    training = training_of(program)
    layouts = [
        schedule(training, backward=False, ragged=ragged, hoist=hoists(program)).widths
        for ragged in (False, True)
    ]
    text = f"{program.text()}\n{layouts}"
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:7], "little")


@torch.library.custom_op(
    "elman::unroll",
    mutates_args=(),
    device_types="cpu",
    schema="(int program, str precision, Tensor[] flat, int[] counts, Tensor? lengths, "
    "Tensor? resets, bool keep) -> Tensor[]",
)
def _unroll(
    program: int,
    precision: Precision,
    flat: Sequence[Tensor],
    counts: Sequence[int],
    lengths: Tensor | None,
    resets: Tensor | None,
    keep: bool,
) -> list[Tensor]:
    """Run a program forward: the outputs' sequence, final states, and what is kept."""
    if lengths is not None:
        check_lengths(lengths, flat[0].shape[0])
    native, steps = _called(program, precision, flat, counts, lengths, resets)
    forward = native.forward(flat, steps, keep=keep)
    others = (forward.kept,) if keep else ()
    return [forward.sequence, *forward.states, *others]


@_unroll.register_fake
def _unroll_fake(
    program: int,
    precision: Precision,
    flat: Sequence[Tensor],
    counts: Sequence[int],
    lengths: Tensor | None,
    resets: Tensor | None,
    keep: bool,
) -> list[Tensor]:
    native, steps = _called(program, precision, flat, counts, lengths, resets)
    time, batch = flat[0].shape[:2]
    places = KeptPlaces(native.code(keep=keep, ragged=steps is not None), time, batch)
    begins = places.output.kind == "state"  # with the state before the first step
    sequence = flat[0].new_empty(time + begins, batch, places.widths[places.output])
    states = flat[counts[0] : counts[0] + counts[1]]
    others = (flat[0].new_empty(places.floats),) if keep else ()
    return [sequence, *(part.new_empty(part.shape) for part in states), *others]


@torch.library.custom_op(
    "elman::unroll_backward",
    mutates_args=(),
    device_types="cpu",
    schema="(int program, str precision, Tensor[] flat, int[] counts, Tensor? lengths, "
    "Tensor? resets, Tensor[] found, Tensor?[] given, bool[] needed) -> Tensor[]",
)
def _unroll_backward(
    program: int,
    precision: Precision,
    flat: Sequence[Tensor],
    counts: Sequence[int],
    lengths: Tensor | None,
    resets: Tensor | None,
    found: Sequence[Tensor],
    given: Sequence[Tensor | None],
    needed: Sequence[bool],
) -> list[Tensor]:
    """Run the derivative: the gradients of the arguments that need one."""
    native, steps = _called(program, precision, flat, counts, lengths, resets)
    sequence, kept = found
    gradients = native.gradients(flat, (sequence, kept), needed, given, steps)
    return _apart(
        torch.zeros_like(argument) if gradient is None else gradient
        for gradient, argument in compress(zip(gradients, flat, strict=True), needed)
    )


@_unroll_backward.register_fake
def _unroll_backward_fake(
    program: int,
    precision: Precision,
    flat: Sequence[Tensor],
    counts: Sequence[int],
    lengths: Tensor | None,
    resets: Tensor | None,
    found: Sequence[Tensor],
    given: Sequence[Tensor | None],
    needed: Sequence[bool],
) -> list[Tensor]:
    return [part.new_empty(part.shape) for part in compress(flat, needed)]


def _keep_for_backward(ctx: Any, inputs: tuple[Any, ...], output: list[Tensor]) -> None:
    program, precision, flat, counts, lengths, resets, _ = inputs
    states = counts[1]
    ctx.program, ctx.precision, ctx.counts = program, precision, counts
    ctx.save_for_backward(lengths, resets, *flat, output[0], *output[1 + states :])
    ctx.set_materialize_grads(False)


def _gradients(ctx: Any, gradients: Sequence[Tensor | None]) -> tuple[Any, ...]:
    lengths, resets, *saved = ctx.saved_tensors
    count = sum(ctx.counts)
    flat, found = saved[:count], saved[count:]
    needed = ctx.needs_input_grad[2]
    first, *states = gradients[: 1 + ctx.counts[1]]
    if first is not None and first.shape[0] > flat[0].shape[0]:
        first = first[1:]  # the state before the first step is no output
    given = [first, *states]
    arguments = (ctx.program, ctx.precision, flat, ctx.counts, lengths, resets)
    if torch.is_grad_enabled():
        native, steps = _called(*arguments)
        everything = native.gradients(flat, None, needed, given, steps)
    else:
        wanted = iter(torch.ops.elman.unroll_backward(*arguments, found, given, needed))
        everything = [next(wanted) if need else None for need in needed]
    return None, None, everything, None, None, None, None


_unroll.register_autograd(_gradients, setup_context=_keep_for_backward)


def _called(
    program: int,
    precision: Precision,
    flat: Sequence[Tensor],
    counts: Sequence[int],
    lengths: Tensor | None,
    resets: Tensor | None,
) -> tuple[Native, Ragged | None]:
    """Return a program on native code, and which steps count."""
    native = Native.of(_programs[program], tuple(counts), precision)
    return native, ragged(flat[0], lengths, resets)


def _apart(results: Iterable[Tensor]) -> list[Tensor]:
    """Copy results that share their memory with another, as those of operators must not."""
    taken: set[int] = set()
    found = []
    for result in results:
        place = result.untyped_storage().data_ptr()
        found.append(result.clone() if place in taken else result)
        taken.add(place)
    return found
