"""Laws of torch's transforms: vmap, grad, jvp, functional_call, compile."""

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

from elman.cells import Cell
from elman.engine import unroll
from elman.state import map_state, rebuild, tensors
from elman.testing.sample import Make, draw, require_equal, required


class Unrolled(nn.Module):
    """A cell and `unroll` as one module, so that it can be called with other parameters.

    Args:
        cell: any cell.
    """

    def __init__(self, cell: Cell[Any]) -> None:
        super().__init__()
        self.cell = cell

    def forward(self, inputs: Tensor, state: Any) -> tuple[Tensor, Any]:
        """Unroll the cell.

        Args:
            inputs: `[time, batch, input]`.
            state: the state before the first step.

        Returns:
            Outputs and final state.
        """
        return unroll(self.cell, inputs, state)


def check_functional_call(make: Make) -> None:
    """Called with other parameters, a cell is the cell that holds them.

    Args:
        make: builds a new cell.
    """
    cell, inputs, state = draw(make)
    module = Unrolled(cell)
    others = {name: 0.5 * weight.detach() for name, weight in module.named_parameters()}
    called = torch.func.functional_call(module, others, (inputs, state))
    module.load_state_dict(others, strict=False)
    require_equal(
        called,
        module(inputs, state),
        "functional_call with other parameters must equal the cell that holds them.",
    )


def check_vmap(make: Make) -> None:
    """Mapping over a further axis equals a loop over it, for values and for gradients.

    Args:
        make: builds a new cell.
    """
    cell, inputs, state = draw(make)
    module = Unrolled(cell)
    several = torch.stack([inputs, -inputs])
    learnt = {name: w for name, w in module.named_parameters() if w.requires_grad}
    parameters = {name: weight.detach() for name, weight in learnt.items()}

    def loss(parameters: dict[str, Tensor], inputs: Tensor) -> Tensor:
        outputs, _ = torch.func.functional_call(module, parameters, (inputs, state))
        return outputs.cos().sum()

    gradient = torch.func.grad(loss, argnums=(0, 1))
    law = "vmap over unroll must equal a loop over it."
    with required(law):
        mapped = torch.vmap(lambda each: unroll(cell, each, state))(several)
    looped = [unroll(cell, each, state) for each in several]
    require_equal(mapped, map_state(lambda *parts: torch.stack(parts), *looped), law)

    law = "vmap over torch.func.grad must equal a loop over autograd."
    with required(law):
        by_weights, by_inputs = torch.vmap(gradient, in_dims=(None, 0))(parameters, several)
    for index, each in enumerate(several):
        leaf = each.clone().requires_grad_()
        total = unroll(cell, leaf, state)[0].cos().sum()
        wanted = [leaf, *learnt.values()]
        expected = torch.autograd.grad(total, wanted, allow_unused=True, materialize_grads=True)
        actual = (by_inputs[index], *(weight[index] for weight in by_weights.values()))
        require_equal(actual, expected, law)


def check_jvp(make: Make) -> None:
    """The forward-mode derivative is the transpose of the reverse-mode derivative.

    Args:
        make: builds a new cell.
    """
    cell, inputs, state = draw(make)
    module = Unrolled(cell)
    parts = list(tensors(state))
    floats = [part for part in parts if part.is_floating_point()]
    weights = dict(module.named_parameters())
    primals = (inputs, *floats, *(weight.detach() for weight in weights.values()))

    def run(inputs: Tensor, *others: Tensor) -> tuple[Tensor, ...]:
        given = iter(others)
        mixed = [next(given) if part.is_floating_point() else part for part in parts]
        parameters = dict(zip(weights, given, strict=True))
        arguments = (inputs, rebuild(state, mixed))
        results = tensors(torch.func.functional_call(module, parameters, arguments))
        return tuple(result for result in results if result.is_floating_point())

    law = "torch.func.jvp must be the transpose of torch.func.vjp."
    tangents = tuple(primal.cos() for primal in primals)
    with required(law):
        pulled: Any = torch.func.vjp(run, *primals)
        results, pull_back = pulled
        cotangents = tuple(result.sin() for result in results)
        forward: Any = torch.func.jvp(run, primals, tangents)[1]
    require_equal(_dot(cotangents, forward), _dot(tangents, pull_back(cotangents)), law)


def _dot(left: Iterable[Tensor], right: Iterable[Tensor]) -> Tensor:
    return torch.stack([(a * b).sum() for a, b in zip(left, right, strict=True)]).sum()


def check_compile(make: Make) -> None:
    """`torch.compile(fullgraph=True)` traces the unrolled cell and changes no value.

    Args:
        make: builds a new cell.
    """
    cell, inputs, state = draw(make)
    lengths = torch.tensor([4, 1, 2])
    law = "torch.compile(fullgraph=True) must trace the unrolled cell and change no value."
    # Other cells' programs would count towards the limit of recompilations.
    torch.compiler.reset()
    compiled = torch.compile(
        lambda inputs, state: unroll(cell, inputs, state, lengths=lengths),
        fullgraph=True,
        backend="eager",  # traces without a C compiler
    )
    with required(law):
        actual = compiled(inputs, state)
    require_equal(actual, unroll(cell, inputs, state, lengths=lengths), law)
