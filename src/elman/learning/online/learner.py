"""What the gradient rules share that go forward in time."""

import math
from abc import abstractmethod
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from elman.data import Batch
from elman.learning.learner import GradientLearner, SequenceModel
from elman.learning.online.transition import Transition
from elman.state import detach, tensors
from elman.state import where as choose

BYTES_AT_ONCE = 2**27
"""Bytes of the derivatives of steps that are taken at once."""


class Steps(NamedTuple):
    r"""The steps of a batch.

    Args:
        inputs: what each step reads, `[time, batch, ...]`.
        states: flattened states before each step.
        valid: where a row has a step; elsewhere its state stays.
        by_state: derivatives of the loss by these states, each taken as if it were given.
    """

    inputs: Tensor
    states: Float[Tensor, "time batch state"]
    valid: Bool[Tensor, "time batch"]
    by_state: Float[Tensor, "time batch state"]

    def split(self, numbers: int) -> "list[Steps]":
        """Cut the steps into parts whose derivatives can be held at a time.

        Args:
            numbers: how many derivatives each step of a row has.

        Returns:
            The parts, in order, each of one step at least.
        """
        of_step = self.valid.shape[1] * max(numbers, 1) * self.states.element_size()
        count = max(1, BYTES_AT_ONCE // of_step)
        parts = zip(*(part.split(count) for part in self), strict=True)
        return [Steps(*part) for part in parts]


class OnlineState(NamedTuple):
    """What an online rule carries from batch to batch.

    Args:
        state: the model's state.
        memory: what the rule keeps of the influence of the parameters on that state; tensors of
            no columns before the first step, when there is none.
    """

    state: Any
    memory: Any


class OnlineLearner(GradientLearner):
    r"""A rule that carries the influence of the parameters on the state forward in time.

    $$ \frac{dL}{d\theta} = \sum_t \left( \frac{\partial L_t}{\partial \theta} +
       \frac{\partial L_t}{\partial s_{t-1}} J_{t-1} \right), \quad
       J_t = \frac{ds_t}{d\theta} = D_t J_{t-1} + P_t, \quad
       D_t = \frac{\partial s_t}{\partial s_{t-1}}, \quad
       P_t = \frac{\partial s_t}{\partial \theta} $$

    Nothing before the present batch is kept but $J$, so gradients reach back without bound, and a
    batch may be a single step. Weights change between batches; the influence of earlier steps is
    then still that of the weights they were taken with, which is the usual approximation.

    Args:
        optimizer: as in `GradientLearner`.
        carried: whether a batch holds the next steps of the rows of the one before, so that state
            and influence are carried; else each batch holds whole sequences from their start.
        clip: as in `GradientLearner`.
        backward: as in `GradientLearner`.
    """

    def __init__(
        self,
        optimizer: torch.optim.Optimizer,
        *,
        carried: bool,
        clip: float = math.inf,
        backward: Callable[[Tensor], None] = Tensor.backward,
    ) -> None:
        super().__init__(optimizer, clip=clip, backward=backward)
        self.carried = carried
        self.transition: Transition | None = None

    @abstractmethod
    def empty_memory(self, like: Float[Tensor, "batch state"]) -> Any:
        """Return the memory before the first step.

        Args:
            like: a tensor of the type and device of the states.

        Returns:
            A state of `elman.state` with tensors of no columns.
        """

    @abstractmethod
    def study(self, transition: Transition, inputs: Tensor) -> None:
        """Prepare for a model.

        Args:
            transition: its step.
            inputs: `[time, batch, ...]`, of the kind it reads.

        Raises:
            ConfigError: if the rule cannot serve the model.
        """

    @abstractmethod
    def follow(
        self, transition: Transition, steps: Steps, memory: Any
    ) -> tuple[Float[Tensor, " parameters"], Any]:
        r"""Go through the steps of a batch.

        Args:
            transition: the model's step.
            steps: the steps.
            memory: what the rule keeps of the influence on the first state.

        Returns:
            $\sum_t \partial L_t / \partial s_{t-1} \, J_{t-1}$ summed over the rows, or an
            estimate of it, and the memory after the last step.
        """

    def prepare(self, model: SequenceModel, inputs: Tensor) -> Transition:
        """Find out what the rule needs to know of a model; the first update does it else.

        Args:
            model: the model, in the mode it is learnt in.
            inputs: `[time, batch, ...]`, of the kind it reads.

        Returns:
            The model's step.

        Raises:
            ConfigError: if the rule cannot serve the model.
        """
        if self.transition is None or self.transition.model is not model:
            transition = Transition(model, inputs)
            self.study(transition, inputs)
            self.transition = transition
        return self.transition

    def initial_state(self, model: SequenceModel, batch_size: int) -> Any:
        """Return the model's state without influence; see `Learner.initial_state`."""
        if not self.carried:
            return ()
        state = model.initial_state(batch_size)
        like = next(tensors(state))
        return OnlineState(state, self.empty_memory(like))

    def accumulate(self, model: SequenceModel, batch: Batch, state: Any) -> tuple[Tensor, Any]:
        """Fill `.grad` with the rule's gradient; see `GradientLearner.accumulate`."""
        transition = self.prepare(model, batch.inputs)
        if not self.carried:
            start = model.initial_state(batch.inputs.shape[1])
            state = OnlineState(start, self.empty_memory(next(tensors(start))))
        valid = _valid(batch)
        states, final = _run(model, batch.inputs, state.state, valid)
        loss, by_state = self._direct(model, batch, transition, states)
        before = torch.stack([transition.flatten(part) for part in states])
        with torch.no_grad():
            steps = Steps(batch.inputs, before, valid, by_state)
            gradient, memory = self.follow(transition, steps, state.memory)
            _add(gradient, transition)
        return loss, OnlineState(final, memory) if self.carried else ()

    def _direct(
        self, model: SequenceModel, batch: Batch, transition: Transition, states: list[Any]
    ) -> tuple[Tensor, Float[Tensor, "time batch state"]]:
        """Send the loss back through one step from each state; all steps are rows of one batch."""
        vectors = torch.cat([transition.flatten(state) for state in states]).requires_grad_()
        inputs = batch.inputs.flatten(0, 1).unsqueeze(0)
        features, _ = model(inputs, transition.unflatten(vectors))
        in_time = features.unflatten(1, batch.inputs.shape[:2])[0]
        loss = model.criterion(in_time, batch.targets, batch.lengths)
        self.backward(loss)
        by_state = torch.zeros_like(vectors) if vectors.grad is None else vectors.grad
        return loss, by_state.unflatten(0, batch.inputs.shape[:2])


def _valid(batch: Batch) -> Bool[Tensor, "time batch"]:
    time, rows = batch.inputs.shape[:2]
    if batch.lengths is None:
        return torch.ones(time, rows, dtype=torch.bool, device=batch.inputs.device)
    steps = torch.arange(time, device=batch.lengths.device)
    return steps.unsqueeze(1) < batch.lengths


@torch.no_grad()
def _run(
    model: SequenceModel, inputs: Tensor, state: Any, valid: Bool[Tensor, "time batch"]
) -> tuple[list[Any], Any]:
    """Return the states before each step, and the last; a row without a step keeps its own."""
    states = []
    for step in range(len(inputs)):
        states.append(state)
        _, after = model(inputs[step : step + 1], state)
        state = detach(after if valid[step].all() else choose(valid[step], after, state))
    return states, state


def _add(gradient: Float[Tensor, " parameters"], transition: Transition) -> None:
    parameters = transition.parameters.values()
    parts = gradient.split([parameter.numel() for parameter in parameters])
    for parameter, part in zip(parameters, parts, strict=True):
        own = part.view_as(parameter)
        parameter.grad = own.clone() if parameter.grad is None else parameter.grad + own
