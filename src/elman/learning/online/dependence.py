"""Which numbers of a step depend on which, whatever their values."""

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.func import vjp, vmap

from elman.learning.online.transition import Transition

TRIALS = 8
"""Draws of the weights; what one of them switches off, another one leaves on."""
ROWS = 32
"""Rows tried with each."""
STEPS = 2
"""Steps tried from the initial state on."""
SPREAD = 0.5
"""Standard deviation of the weights and inputs tried, and by which states are shaken."""
NUMBERS_AT_ONCE = 2**26
"""Numbers of the derivatives held at a time."""


class Dependence(NamedTuple):
    """Where the Jacobians of a step can differ from zero.

    Args:
        links: whether a unit of the state depends on a unit of the state before.
        reach: whether it depends directly on a parameter, in the order of the transition's.
    """

    links: Bool[Tensor, "state state"]
    reach: Bool[Tensor, "state parameters"]


def find_dependence(transition: Transition, inputs: Tensor) -> Dependence:
    """Find what each unit of a state depends on.

    A derivative of the unit that is not a number is sent back through steps with random weights:
    whatever it touches on its way stops being a number too, whether or not it is multiplied by
    zero. So the finding does not depend on the weights or on what the inputs happen to be. The
    rows of an embedding count as one, for which of them is read depends on the input.

    Args:
        transition: the step.
        inputs: `[time, batch, ...]`, of the kind it reads; only shape and type count.

    Returns:
        The dependence.
    """
    generator = torch.Generator().manual_seed(0)
    trials = [_try(transition, inputs, generator) for _ in range(TRIALS)]
    links, reach = (torch.stack(found).any(0) for found in zip(*trials, strict=True))
    return Dependence(links, _with_whole_tables(reach, transition))


def _try(transition: Transition, inputs: Tensor, generator: torch.Generator) -> Dependence:
    weights = {
        name: _draw(value, value.shape, generator) for name, value in transition.present().items()
    }
    samples, states = _samples(transition, weights, inputs, generator)

    def step(weights: dict[str, Tensor], states: Tensor) -> Tensor:
        return transition(weights, samples, states)

    backward = vjp(step, weights, states)[1]

    def touched(unit: Tensor) -> tuple[Tensor, Tensor]:
        poison = torch.where(unit, torch.nan, 0.0).to(states).expand_as(states)
        by_weights, by_states = backward(poison)
        flat = [by_weights[name].flatten() for name in transition.parameters]
        return by_states.isnan().any(0), torch.cat([states.new_zeros(0), *flat]).isnan()

    width = transition.parameter_count + states.numel()
    units = torch.eye(transition.state_size, dtype=torch.bool, device=inputs.device)
    return Dependence(*vmap(touched, chunk_size=max(1, NUMBERS_AT_ONCE // width))(units))


def _draw(like: Tensor, shape: torch.Size, generator: torch.Generator) -> Tensor:
    return (SPREAD * torch.randn(shape, generator=generator)).to(like)


def _samples(
    transition: Transition, weights: dict[str, Tensor], inputs: Tensor, generator: torch.Generator
) -> tuple[Tensor, Float[Tensor, "rows state"]]:
    """Return inputs and states that steps can meet, some of the states shaken."""
    shape = torch.Size((ROWS, *inputs.shape[2:]))
    states = transition.flatten(transition.model.initial_state(ROWS))
    all_inputs, all_states = [], []
    for _ in range(STEPS):
        real = inputs.is_floating_point()
        drawn = _draw(inputs, shape, generator) if real else inputs.new_zeros(shape)
        all_inputs += [drawn, drawn]
        all_states += [states, states + _draw(states, states.shape, generator)]
        with torch.no_grad():
            states = transition(weights, drawn, states)
    return torch.cat(all_inputs), torch.cat(all_states)


def _with_whole_tables(reach: Tensor, transition: Transition) -> Tensor:
    """Let every row of an embedding reach what any of its rows reaches."""
    modules = transition.module.modules()
    tables = {id(part.weight) for part in modules if isinstance(part, nn.Embedding)}
    parts = reach.split([value.numel() for value in transition.parameters.values()], dim=1)
    whole = [reach.new_zeros(len(reach), 0)]
    for value, part in zip(transition.parameters.values(), parts, strict=True):
        if id(value) in tables:
            rows = part.unflatten(1, value.shape)
            part = rows.any(dim=1, keepdim=True).expand_as(rows).flatten(1)
        whole.append(part)
    return torch.cat(whole, dim=1)
