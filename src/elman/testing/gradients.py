"""Laws of derivatives: against finite differences, and alike on every back end."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.autograd import gradcheck, gradgradcheck

from elman.engine import unroll
from elman.engine.eager import unroll_eager
from elman.state import rebuild, tensors
from elman.testing.sample import Make, Sample, draw, require, require_equal, required

Run = Callable[..., tuple[Tensor, Any]]


def check_step_gradient(make: Make) -> None:
    """A step has the derivatives that finite differences give.

    Args:
        make: builds a new cell.
    """
    cell, inputs, state = draw(make, time=1, batch=2)

    def step(inputs: Tensor, *arguments: Tensor) -> list[Tensor]:
        parts = arguments[: len(list(tensors(state)))]
        return list(tensors(cell.step(cell.project(inputs[0]), rebuild(state, parts))))

    law = "The derivatives of a step must equal finite differences."
    _require_gradcheck(gradcheck, step, _leaves(Sample(cell, inputs, state)), law)


def check_unroll_gradient(make: Make) -> None:
    """Unrolling has the derivatives, first and second, that finite differences give.

    Args:
        make: builds a new cell.
    """
    sample = draw(make, time=3, batch=2)

    def run(inputs: Tensor, *arguments: Tensor) -> list[Tensor]:
        parts = arguments[: len(list(tensors(sample.state)))]
        return list(tensors(unroll(sample.cell, inputs, rebuild(sample.state, parts))))

    leaves = _leaves(sample)
    law = "derivatives of unrolling must equal finite differences."
    _require_gradcheck(gradcheck, run, leaves, f"The {law}", fast_mode=True)
    _require_gradcheck(gradgradcheck, run, leaves, f"The second {law}", fast_mode=True)


def check_back_end(make: Make) -> None:
    """The chosen back end gives the values and gradients of the eager definition.

    Args:
        make: builds a new cell.
    """
    sample = draw(make)
    for lengths in (None, torch.tensor([4, 1, 2])):
        when = "" if lengths is None else " with lengths"
        law = f"must be those of the eager definition{when}."
        actual = _results(unroll, sample, _leaves(sample), lengths)
        expected = _results(unroll_eager, sample, _leaves(sample), lengths)
        require_equal(actual, expected, f"The outputs and final state of the back end {law}")
        require_equal(
            _gradients(unroll, sample, lengths, order=1),
            _gradients(unroll_eager, sample, lengths, order=1),
            f"The gradients of the back end {law}",
        )
        require_equal(
            _gradients(unroll, sample, lengths, order=2),
            _gradients(unroll_eager, sample, lengths, order=2),
            f"The second derivatives of the back end {law}",
        )


def _leaves(sample: Sample) -> tuple[Tensor, ...]:
    """Return the inputs, the parts of the state and the parameters, ready for gradients."""
    data = [sample.inputs, *tensors(sample.state)]
    fresh = [part.clone().requires_grad_(part.is_floating_point()) for part in data]
    return (*fresh, *sample.cell.parameters())


def _results(
    run: Run, sample: Sample, leaves: tuple[Tensor, ...], lengths: Tensor | None
) -> list[Tensor]:
    count = len(list(tensors(sample.state)))
    state = rebuild(sample.state, leaves[1 : 1 + count])
    return list(tensors(run(sample.cell, leaves[0], state, lengths=lengths)))


def _gradients(
    run: Run, sample: Sample, lengths: Tensor | None, *, order: int
) -> tuple[Tensor, ...]:
    """Differentiate a scalar of all results, or a scalar of that gradient, by every leaf."""
    leaves = _leaves(sample)
    wanted = [leaf for leaf in leaves if leaf.requires_grad]
    found: Any = _results(run, sample, leaves, lengths)
    for remaining in reversed(range(order)):
        # The cosine gives each element a derivative of its own, the shift one other than zero to
        # the zeros beyond a row's length.
        terms = [(part + 1).cos().sum() for part in found if part.requires_grad]
        require(bool(terms), "The outputs must depend on the inputs, state or parameters.")
        found = torch.autograd.grad(
            sum(terms[1:], terms[0]), wanted, create_graph=remaining > 0, materialize_grads=True
        )
    return found


def _require_gradcheck(
    check: Callable[..., bool],
    function: Callable[..., Any],
    leaves: tuple[Tensor, ...],
    law: str,
    *,
    fast_mode: bool = False,
) -> None:
    with required(law):
        check(function, leaves, fast_mode=fast_mode)
