"""One time step of a model as a function, its state flattened into one vector a row."""

from collections.abc import Sequence
from typing import Any, cast

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.func import functional_call, vjp, vmap

from elman.errors import ConfigError
from elman.learning.learner import SequenceModel
from elman.state import map_state, rebuild, tensors

STATE = ""
"""Stands for the state before the step among the names of parameters."""


class Transition:
    r"""A model's step $s_t = F(\theta, x_t, s_{t-1})$ and its derivatives row by row.

    $\theta$ are the parameters with an influence on the state; all others, such as those of a
    readout, act on the outputs alone.

    Args:
        model: the model, a module whose rows do not see one another.
        inputs: `[time, batch, ...]`, of the kind it reads.

    Raises:
        ConfigError: if the steps are no such function: they draw random numbers, run backward in
            time, or the state is not of floating-point numbers in a fixed width.
    """

    def __init__(self, model: SequenceModel, inputs: Tensor) -> None:
        self.model = model
        self.module = cast(nn.Module, model)
        _check_directions(self.module)
        start = model.initial_state(inputs.shape[1])
        with torch.enable_grad():
            after = _step_without_chance(model, inputs, start)
        _check_state(start, after)
        self.like = map_state(lambda part: part[:1], start)
        self.sizes = [part[0].numel() for part in tensors(start)]
        self.parameters = _reaching(self.flatten(after), self.module)
        self.places = _places(self.parameters, self.module)

    @property
    def state_size(self) -> int:
        """Numbers in the state of one row."""
        return sum(self.sizes)

    @property
    def parameter_count(self) -> int:
        r"""Numbers in $\theta$."""
        return sum(parameter.numel() for parameter in self.parameters.values())

    def flatten(self, state: Any) -> Float[Tensor, "batch state"]:
        """Put a state into one vector a row.

        Args:
            state: a state of the model.

        Returns:
            `[batch, state]`.
        """
        return torch.cat([part.flatten(1) for part in tensors(state)], dim=1)

    def unflatten(self, vectors: Float[Tensor, "batch state"]) -> Any:
        """Put vectors back into a state; the inverse of `flatten`.

        Args:
            vectors: `[batch, state]`.

        Returns:
            A state of the model.
        """
        parts = zip(vectors.split(self.sizes, dim=1), tensors(self.like), strict=True)
        return rebuild(self.like, [part.unflatten(1, like.shape[1:]) for part, like in parts])

    def present(self) -> dict[str, Tensor]:
        r"""Return $\theta$ as it is now, by name, without a graph."""
        return {name: parameter.detach() for name, parameter in self.parameters.items()}

    def __call__(
        self,
        parameters: dict[str, Tensor],
        inputs: Tensor,
        states: Float[Tensor, "batch state"],
    ) -> Float[Tensor, "batch state"]:
        """Take one step.

        Args:
            parameters: values by name, as `present` returns them.
            inputs: what the step reads, `[batch, ...]`.
            states: flattened states before it.

        Returns:
            Flattened states after it.
        """
        arguments = (inputs.unsqueeze(0), self.unflatten(states))
        placed = {place: parameters[name] for place, name in self.places.items()}
        _, after = functional_call(self.module, placed, arguments, tie_weights=False)
        return self.flatten(after)

    def pull(
        self,
        names: Sequence[str],
        inputs: Tensor,
        states: Float[Tensor, "batch state"],
        seeds: Float[Tensor, "batch seeds state"],
    ) -> Float[Tensor, "batch seeds columns"]:
        r"""Return $v^\top \partial s_t / \partial \theta$ of each row, for vectors of its own.

        Args:
            names: the parameters to differentiate by; `STATE` for the state before the step.
            inputs: what the step reads, `[batch, ...]`.
            states: flattened states before it.
            seeds: the vectors v.

        Returns:
            The products; columns are the numbers of the named parameters one after another.
        """
        present = self.present()

        def of_row(inputs: Tensor, state: Tensor, seeds: Tensor) -> Tensor:
            def step(by: dict[str, Tensor]) -> Tensor:
                given = {name: value for name, value in by.items() if name != STATE}
                before = by.get(STATE, state)
                return self(present | given, inputs.unsqueeze(0), before.unsqueeze(0))[0]

            by = {name: state if name == STATE else present[name] for name in names}
            backward = vjp(step, by)[1]
            (products,) = vmap(backward)(seeds)
            return torch.cat([products[name].flatten(1) for name in names], dim=1)

        return vmap(of_row)(inputs, states, seeds)


def _check_directions(module: nn.Module) -> None:
    if any(getattr(part, "bidirectional", False) for part in module.modules()):
        raise ConfigError(
            "online rules go forward in time, and a bidirectional network needs the whole "
            "sequence: learn it with bptt."
        )


def _step_without_chance(model: SequenceModel, inputs: Tensor, start: Any) -> Any:
    """Take one step and return the state after it, unless the step draws random numbers."""
    before = _random_state(inputs.device)
    _, after = model(inputs[:1], start)
    if not torch.equal(before, _random_state(inputs.device)):
        raise ConfigError(
            "online rules run each step several times and need it to be the same: leave out "
            "dropout and zoneout, or learn with bptt or tbptt."
        )
    return after


def _random_state(device: torch.device) -> Tensor:
    if device.type == "cuda":
        return torch.cuda.get_rng_state(device)
    return torch.get_rng_state()


def _check_state(start: Any, after: Any) -> None:
    parts, later = list(tensors(start)), list(tensors(after))
    same = len(parts) == len(later) and all(
        part.shape == other.shape and part.is_floating_point() and other.is_floating_point()
        for part, other in zip(parts, later, strict=True)
    )
    if not same:
        raise ConfigError(
            "online rules follow derivatives from state to state, and this model's state is no "
            "vector of numbers of a fixed size: take a recurrent network, or learn with bptt or "
            "tbptt."
        )
    if any(part.requires_grad for part in parts):
        raise ConfigError(
            "online rules take the initial state as given, and this model learns it: learn with "
            "bptt or tbptt."
        )


def _reaching(after: Tensor, module: nn.Module) -> dict[str, nn.Parameter]:
    """Return the parameters that a state after a step depends on, by name."""
    learnt = {name: part for name, part in module.named_parameters() if part.requires_grad}
    if not after.requires_grad:
        return {}
    found = torch.autograd.grad(after.sum(), list(learnt.values()), allow_unused=True)
    pairs = zip(learnt.items(), found, strict=True)
    return {name: part for (name, part), gradient in pairs if gradient is not None}


def _places(parameters: dict[str, nn.Parameter], module: nn.Module) -> dict[str, str]:
    """Return the name of the parameter at each place; one may be shared by several places.

    A module that stands at two places, as that inside a launcher's wrapper does, comes once:
    were its parameters exchanged twice, they would not come back.
    """
    names = {id(parameter): name for name, parameter in parameters.items()}
    return {
        f"{prefix}.{name}" if prefix else name: names[id(parameter)]
        for prefix, part in module.named_modules()
        for name, parameter in part.named_parameters(recurse=False, remove_duplicate=False)
        if id(parameter) in names
    }
