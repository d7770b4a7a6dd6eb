"""How a recurrent network's state depends on the state one step before."""

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from jaxtyping import Float, Shaped
from torch import Tensor

from elman.state import rebuild, tensors


class JacobianTrace(NamedTuple):
    """The recurrent Jacobian along a sequence.

    Args:
        steps: time steps at which it was taken, from 0.
        spectral_radius: largest modulus of its eigenvalues at each of them.
        singular_values: its singular values, the largest first.
    """

    steps: list[int]
    spectral_radius: Float[Tensor, " steps"]
    singular_values: Float[Tensor, "steps state"]


def recurrent_jacobian(
    network: Callable[[Tensor, Any], tuple[Any, Any]],
    inputs: Shaped[Tensor, "1 1 *input"],
    state: Any,
) -> Float[Tensor, "state state"]:
    r"""Return $\partial s_t / \partial s_{t-1}$, the state's parts side by side.

    Args:
        network: maps inputs and a state to anything and the new state.
        inputs: one time step of one row.
        state: the state before it, of one row.

    Returns:
        A row a number of the new state, a column a number of the old.

    Reference:
        Pascanu, Mikolov & Bengio 2013, "On the difficulty of training recurrent neural networks",
        equation 5.
    """
    parts = list(tensors(state))
    sizes = [part.numel() for part in parts]

    def advance(flat: Tensor) -> Tensor:
        pieces = zip(flat.split(sizes), parts, strict=True)
        _, after = network(inputs, rebuild(state, [piece.view_as(p) for piece, p in pieces]))
        return torch.cat([part.flatten() for part in tensors(after)])

    jacobian: Tensor = torch.func.jacrev(advance)(torch.cat([part.flatten() for part in parts]))
    return jacobian.detach()


def trace_jacobian(
    network: Callable[[Tensor, Any], tuple[Any, Any]],
    inputs: Shaped[Tensor, "time 1 *input"],
    state: Any,
    *,
    count: int,
) -> JacobianTrace:
    """Follow the recurrent Jacobian along a sequence.

    Args:
        network: maps `[time, batch, ...]` inputs and a state to anything and the final state.
        inputs: the sequence, of one row.
        state: the state before it.
        count: time steps at which to take it, spread evenly; all of them if there are fewer.

    Returns:
        Its spectral radius and its singular values, in float64.

    Raises:
        ValueError: if there is no time step.
    """
    if len(inputs) == 0:
        raise ValueError("trace_jacobian needs at least one time step.")
    steps = sorted({round(step) for step in torch.linspace(0, len(inputs) - 1, count).tolist()})
    radii, singular_values, reached = [], [], 0
    for step in steps:
        if step > reached:
            with torch.no_grad():
                _, state = network(inputs[reached:step], state)
        jacobian = recurrent_jacobian(network, inputs[step : step + 1], state).double()
        radii.append(torch.linalg.eigvals(jacobian).abs().max())
        singular_values.append(torch.linalg.svdvals(jacobian))
        reached = step
    return JacobianTrace(steps, torch.stack(radii), torch.stack(singular_values))
