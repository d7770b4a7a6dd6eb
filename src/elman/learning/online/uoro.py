"""Unbiased online recurrent optimisation."""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor
from torch.func import jvp

from elman.learning.online.learner import OnlineLearner, Steps
from elman.learning.online.transition import Transition
from elman.state import where as choose

EPSILON = 1e-7
"""Keeps the balancing factors away from zero."""


class RankOne(NamedTuple):
    """An influence of rank one, the product of two vectors a row.

    Args:
        of_state: a number for each unit of the state.
        of_parameters: a number for each parameter.
    """

    of_state: Float[Tensor, "batch state"]
    of_parameters: Float[Tensor, "batch parameters"]


class UORO(OnlineLearner):
    r"""Real-time recurrent learning with a random influence of rank one that is right on average.

    $$ \tilde s_t = \rho_0 D_t \tilde s_{t-1} + \rho_1 \nu_t, \quad
       \tilde\theta_t = \frac{\tilde\theta_{t-1}}{\rho_0} + \frac{\nu_t^\top P_t}{\rho_1}, \quad
       \mathrm{E}[\tilde s_t \tilde\theta_t] = J_t $$
    $$ \rho_0 = \sqrt{\frac{\|\tilde\theta_{t-1}\|}{\|D_t \tilde s_{t-1}\| + \epsilon}} + \epsilon,
       \quad \rho_1 = \sqrt{\frac{\|\nu_t^\top P_t\|}{\|\nu_t\| + \epsilon}} + \epsilon $$

    with random signs $\nu_t$. A row costs one number a parameter and one a unit of the state, and
    a step as much as a step of BPTT. The price is noise, which grows with the state.

    Args:
        optimizer: as in `OnlineLearner`.
        carried: as in `OnlineLearner`.
        seed: of the signs.
        clip: as in `OnlineLearner`.
        backward: as in `OnlineLearner`.

    Raises:
        ConfigError: from `update`, if the model's steps are not those of `Transition`.

    Reference:
        Tallec & Ollivier 2017, "Unbiased online recurrent optimization", algorithm 1.
        Differs: $D_t \tilde s_{t-1}$ is a directional derivative, not a finite difference.
    """

    def __init__(
        self,
        optimizer: torch.optim.Optimizer,
        *,
        carried: bool,
        seed: int,
        clip: float = math.inf,
        backward: Callable[[Tensor], None] = Tensor.backward,
    ) -> None:
        super().__init__(optimizer, carried=carried, clip=clip, backward=backward)
        self.generator = torch.Generator().manual_seed(seed)

    def state_dict(self) -> dict[str, Any]:
        """Return the optimiser's state and where the signs are; see `Learner.state_dict`."""
        return {"optimizer": super().state_dict(), "generator": self.generator.get_state()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take both back; see `Learner.load_state_dict`."""
        super().load_state_dict(state["optimizer"])
        self.generator.set_state(state["generator"])

    def empty_memory(self, like: Float[Tensor, "batch state"]) -> RankOne:
        """Return vectors without numbers; see `OnlineLearner.empty_memory`."""
        return RankOne(like.new_zeros(len(like), 0), like.new_zeros(len(like), 0))

    def study(self, transition: Transition, inputs: Tensor) -> None:
        """Do nothing, for nothing needs to be known; see `OnlineLearner.study`."""

    def follow(
        self, transition: Transition, steps: Steps, memory: RankOne
    ) -> tuple[Float[Tensor, " parameters"], RankOne]:
        """Take the two vectors through the steps; see `OnlineLearner.follow`."""
        states, count = steps.states, transition.parameter_count
        if memory.of_state.shape[1] == 0:
            memory = RankOne(torch.zeros_like(states[0]), states.new_zeros(states.shape[1], count))
        gradient = states.new_zeros(count)
        if count == 0:  # no weight reaches the state, as in a reservoir
            return gradient, memory
        for some in steps.split(count):
            signs = self._signs(some.states)
            pulled = transition.pull(
                list(transition.parameters),
                some.inputs.flatten(0, 1),
                some.states.flatten(0, 1),
                signs.flatten(0, 1).unsqueeze(1),
            ).view(*signs.shape[:2], count)
            for step, (valid, by_state) in enumerate(zip(some.valid, some.by_state, strict=True)):
                gradient += (by_state * memory.of_state).sum(1) @ memory.of_parameters
                pushed = _push(transition, some.inputs[step], some.states[step], memory.of_state)
                after = _reduced(memory, pushed, signs[step], pulled[step])
                memory = after if valid.all() else choose(valid, after, memory)
        return gradient, memory

    def _signs(self, like: Tensor) -> Tensor:
        coins = torch.randint(2, like.shape, generator=self.generator)
        return (2 * coins - 1).to(like)


def _push(transition: Transition, inputs: Tensor, states: Tensor, tangents: Tensor) -> Tensor:
    r"""Return $D_t \tilde s_{t-1}$."""
    present = transition.present()
    return jvp(lambda before: transition(present, inputs, before), (states,), (tangents,))[1]


def _reduced(memory: RankOne, pushed: Tensor, signs: Tensor, pulled: Tensor) -> RankOne:
    r"""Return both vectors after a step, from $D_t \tilde s_{t-1}$, $\nu_t$, $\nu_t^\top P_t$."""
    before = memory.of_parameters
    rho_0 = (_norm(before) / (_norm(pushed) + EPSILON)).sqrt() + EPSILON
    rho_1 = (_norm(pulled) / (_norm(signs) + EPSILON)).sqrt() + EPSILON
    return RankOne(rho_0 * pushed + rho_1 * signs, before / rho_0 + pulled / rho_1)


def _norm(rows: Float[Tensor, "batch numbers"]) -> Float[Tensor, "batch 1"]:
    return torch.linalg.vector_norm(rows, dim=1, keepdim=True)
