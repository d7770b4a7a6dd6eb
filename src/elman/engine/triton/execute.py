"""A plan run over a whole sequence, forward and backward."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from elman.engine.compiler.derivative import Columns
from elman.engine.compiler.program import Source
from elman.engine.definition import Arguments, Ragged
from elman.engine.triton.graphs import Buffers, replayed
from elman.engine.triton.launch import launch
from elman.engine.triton.loop import ROWS
from elman.engine.triton.plan import Plan, Plans
from elman.engine.triton.stages import Multiply, Place

_OUTPUT = Source("output", 0)
_ONE_STEP = ("partial", "left")
STAGE_ROWS = 1
"""Rows of the batch that one program instance works on in a kernel of one step."""


class Forward(NamedTuple):
    """Outputs, the state's tensors after the last step, and what the backward pass reads."""

    outputs: Tensor
    states: list[Tensor]
    kept: dict[Source, Tensor]


class Gradients(NamedTuple):
    """Gradients of a call's arguments; None where none is wanted."""

    inputs: list[Tensor | None]
    states: list[Tensor]
    initial: list[Tensor]
    vectors: list[Tensor | None]
    matrices: list[Tensor | None]


@torch.no_grad()
def run_forward(plan: Plan, arguments: Arguments, ragged: Ragged, *, keep: bool) -> Forward:
    """Run the forward pass.

    Args:
        plan: what to launch.
        arguments: the call's tensors.
        ragged: which steps count.
        keep: whether the states of all steps are kept for the backward pass.

    Returns:
        The results.
    """
    time, batch = arguments.inputs[0].shape[:2]
    buffers = _given(arguments, ragged)
    for index, state in enumerate(arguments.states):
        places = state.new_empty(time + 1 if keep else 2, *state.shape)
        places[0] = state
        buffers[Source("state", index)] = places
    _allocate(plan, buffers, arguments.inputs[0])
    for product in plan.before:
        _multiply(product, buffers, lambda place: _rows(buffers, place, time, batch))
    _run(plan, buffers, range(time), batch)
    last = time if keep else time % 2
    states = [
        buffers[Source("state", index)][last].clone() for index in range(len(arguments.states))
    ]
    kept = {source: buffers[source] for source in plan.kept}
    return Forward(buffers[_OUTPUT], states, kept)


@torch.no_grad()
def run_backward(
    plans: Plans,
    kept: dict[Source, Tensor],
    arguments: Arguments,
    ragged: Ragged,
    outputs: Tensor | None,
    states: Sequence[Tensor | None],
) -> Gradients:
    """Run the backward pass.

    Args:
        plans: what to launch.
        kept: what the forward pass kept.
        arguments: the call's tensors.
        ragged: which steps count.
        outputs: the gradient of the outputs, `[time, batch, output]`; None is zero.
        states: the gradients of the final state's tensors; None is zero.

    Returns:
        The gradients.
    """
    like, lengths = arguments.inputs[0], ragged.lengths
    time, batch = like.shape[:2]
    buffers = _given(arguments, ragged) | kept
    if outputs is None:
        outputs = like.new_zeros(time, batch, plans.forward.widths[_OUTPUT])
    elif lengths is not None:
        steps = torch.arange(time, device=like.device).unsqueeze(1)
        outputs = outputs.where((steps < lengths).unsqueeze(-1), 0.0)
    buffers[Source("output_gradient", 0)] = outputs.contiguous()
    for index, (given, state) in enumerate(zip(states, arguments.states, strict=True)):
        carried = state.new_zeros(2, *state.shape)
        if given is not None:
            carried[time % 2] = given
        buffers[Source("state_gradient", index)] = carried
        buffers[Source("initial_gradient", index)] = torch.zeros_like(state)
    _allocate(plans.backward, buffers, like)
    _run(plans.backward, buffers, range(time - 1, -1, -1), batch)
    return _gathered(plans, buffers, arguments)


def _given(arguments: Arguments, ragged: Ragged) -> dict[Source, Tensor]:
    """Name what a call was given; the states before the first step are not among it."""
    kinds = ("input", "", "initial", "vector", "matrix")
    buffers = {
        Source(kind, index): tensor.contiguous()
        for kind, group in zip(kinds, arguments, strict=True)
        for index, tensor in enumerate(group)
        if kind
    }
    if ragged.lengths is not None:
        buffers[Source("lengths", 0)] = ragged.lengths.contiguous()
    if ragged.resets is not None:
        # Before the first step and after the last there is nothing to reset.
        time, batch = ragged.resets.shape
        resets = ragged.resets.new_zeros(time + 1, batch, dtype=torch.uint8)
        resets[1:time] = ragged.resets[1:]
        buffers[Source("resets", 0)] = resets
    return buffers


def _allocate(plan: Plan, buffers: dict[Source, Tensor], like: Tensor) -> None:
    """Add the buffers that a plan writes."""
    time, batch = like.shape[:2]
    for source, width in plan.widths.items():
        if source.kind == "vector_gradient":
            buffers[source] = like.new_zeros(batch, width)
        elif source not in buffers:
            count = 1 if source.kind in _ONE_STEP else time
            buffers[source] = like.new_empty(count, batch, width)


def _gathered(plans: Plans, buffers: dict[Source, Tensor], arguments: Arguments) -> Gradients:
    """Do the products left for afterwards, and sort the gradients."""
    time, batch = arguments.inputs[0].shape[:2]

    def rows(columns: Columns) -> Tensor:
        return _rows(buffers, Place(*columns), time, batch)

    inputs = [buffers.get(Source("input_gradient", i)) for i in range(len(arguments.inputs))]
    for index, matrix, gradient in plans.inputs:
        weight = arguments.matrices[matrix.index]
        found = rows(gradient) @ (weight.T if matrix.transposed else weight)
        inputs[index] = found.view(time, batch, -1)
    vectors = [buffers.get(Source("vector_gradient", i)) for i in range(len(arguments.vectors))]
    matrices: list[Tensor | None] = [None] * len(arguments.matrices)
    for (index, transposed), left, gradient in plans.weights:
        one, other = rows(gradient), rows(left)
        found = one.T @ other if transposed else other.T @ one
        before = matrices[index]
        matrices[index] = found if before is None else before + found
    return Gradients(
        inputs,
        [buffers[Source("state_gradient", i)][0] for i in range(len(arguments.states))],
        [buffers[Source("initial_gradient", i)] for i in range(len(arguments.initial))],
        [None if gradient is None else gradient.sum(0) for gradient in vectors],
        matrices,
    )


def _run(plan: Plan, buffers: dict[Source, Tensor], steps: range, batch: int) -> None:
    """Run all steps in one launch, or one after the other."""
    time = len(steps)
    if plan.loop is not None:
        warps = 8 if plan.loop.widest >= 64 else 4
        launch(plan.loop, buffers, time=time, batch=batch, rows=ROWS, warps=warps)
        return

    def loop(buffers: Buffers) -> None:
        for step in steps:
            _step(plan, buffers, time, batch, step)

    own = {source for source in plan.widths if source.kind in _ONE_STEP}
    sums = {source for source in plan.widths if source.kind == "vector_gradient"}
    carried = {source for source in buffers if source.kind in ("state", "state_gradient")}
    sums |= {source for source in buffers if source.kind == "initial_gradient"}
    fresh = {source for source in plan.widths if source.kind != "hoisted"} - carried - sums
    replayed((plan, time, batch), loop, buffers, fresh, (fresh | carried | sums) - own)


def _step(plan: Plan, buffers: Buffers, time: int, batch: int, step: int) -> None:
    """Run the stages of one step."""

    def at(place: Place) -> Tensor:
        buffer, features = buffers[place.source], slice(place.start, place.start + place.width)
        if place.source.kind == "vector":
            return buffer[features].expand(batch, -1)
        return buffer[(step + place.ahead) % len(buffer)][:, features]

    for kernel, products in plan.stages:
        if kernel is not None:
            warps = max(1, min(8, kernel.widest // 128))
            launch(kernel, buffers, time=time, batch=batch, step=step, rows=STAGE_ROWS, warps=warps)
        for product in products:
            _multiply(product, buffers, at)


def _multiply(product: Multiply, buffers: Buffers, at: Callable[[Place], Tensor]) -> None:
    weight = buffers[Source("matrix", product.matrix.index)]
    right, result = weight.T if product.matrix.transposed else weight, at(product.result)
    if product.addend is None:
        torch.mm(at(product.left), right, out=result)
    else:
        torch.addmm(at(product.addend), at(product.left), right, out=result)


def _rows(buffers: Buffers, place: Place, time: int, batch: int) -> Tensor:
    """Return what lies in memory as rows of all steps, `[time * batch, features]`."""
    buffer, features = buffers[place.source], slice(place.start, place.start + place.width)
    if place.source.kind == "vector":
        return buffer[features].expand(time * batch, -1)
    return buffer[:time].view(time * batch, -1)[:, features]
