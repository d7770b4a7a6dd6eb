"""The contract of a learning rule, and its half that all gradient rules share."""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor, nn

from elman.data import Batch


class SequenceModel(Protocol):
    """What a learning rule needs of a model."""

    def initial_state(self, batch_size: int) -> Any:
        """Return the state before the first step.

        Args:
            batch_size: rows of the batch.
        """

    def __call__(self, inputs: Tensor, state: Any) -> tuple[Tensor, Any]:
        """Run over `[time, batch, ...]` inputs; return features and the final state."""

    def criterion(self, features: Tensor, targets: Tensor, lengths: Tensor | None) -> Tensor:
        """Return the mean loss a target.

        Args:
            features: what the call returned, `[time, batch, ...]`.
            targets: what was to be predicted, `[time, batch]`.
            lengths: valid steps of each row; all of them if None.
        """

    def parameters(self) -> Any:
        """Return the parameters to learn."""


class ErrorModel(SequenceModel, Protocol):
    """What a rule for squared errors needs of a model besides: the errors themselves."""

    def errors(self, features: Tensor, targets: Tensor, lengths: Tensor | None) -> Tensor:
        """Return wanted less predicted outputs, zero where there is no target.

        Args:
            features: what the call returned, `[time, batch, ...]`.
            targets: what was to be predicted, `[time, batch, ...]`.
            lengths: valid steps of each row; all of them if None.

        Returns:
            `[time, batch, output]`.
        """


class ReadoutModel(ErrorModel, Protocol):
    """What a rule that solves for a linear readout needs of a model besides."""

    readout: nn.Linear
    """The last map, from `readout_inputs` to the predictions."""

    def readout_inputs(self, inputs: Tensor, state: Any) -> tuple[Tensor, Any]:
        """Run over `[time, batch, ...]` inputs up to the readout.

        Args:
            inputs: as in a call of the model.
            state: the state before the first step.

        Returns:
            What the readout reads, `[time, batch, features]`, and the final state.
        """


class Update(NamedTuple):
    """What one update did.

    Args:
        loss: the mean loss of the batch before the update, nats a target.
        state: what the rule carries to the next batch.
        metrics: further numbers by name, such as the gradient norm.
    """

    loss: Tensor
    state: Any
    metrics: Mapping[str, float]


class Learner(ABC):
    """A rule that changes a model's weights after seeing a batch."""

    @abstractmethod
    def initial_state(self, model: SequenceModel, batch_size: int) -> Any:
        """Return what the rule carries before the first batch.

        Args:
            model: the model to be learnt.
            batch_size: rows of each batch.

        Returns:
            A state of `elman.state`.
        """

    @abstractmethod
    def update(self, model: SequenceModel, batch: Batch, state: Any) -> Update:
        """Learn from one batch.

        Args:
            model: the model, whose weights change.
            batch: inputs and targets `[time, batch]`.
            state: what the previous update returned, or `initial_state`.

        Returns:
            The loss, the state to carry on, and further numbers.
        """

    def set_rate(self, factor: float) -> None:  # noqa: B027 (only rules with a step size listen)
        """Take a factor of the learning rate for the next updates.

        Args:
            factor: what the schedule says, in [0, 1].
        """

    @abstractmethod
    def state_dict(self) -> dict[str, Any]:
        """Return what the rule has gathered besides the weights, for a checkpoint."""

    @abstractmethod
    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take back what `state_dict` returned.

        Args:
            state: its contents.
        """


class GradientLearner(Learner):
    """A rule that estimates the gradient and leaves the step to an optimiser.

    Args:
        optimizer: any torch optimiser over the model's parameters.
        clip: the largest norm of the whole gradient; larger ones are scaled down to it.
        backward: runs the backward pass of a loss; the launcher of a distributed or
            mixed-precision run gives its own.

    Reference:
        Pascanu, Mikolov & Bengio 2013, "On the difficulty of training recurrent neural
        networks", algorithm 1 (norm clipping).
    """

    def __init__(
        self,
        optimizer: torch.optim.Optimizer,
        *,
        clip: float = math.inf,
        backward: Callable[[Tensor], None] = Tensor.backward,
    ) -> None:
        self.optimizer = optimizer
        self.clip = clip
        self.backward = backward
        self.base_rates = [group["lr"] for group in optimizer.param_groups]

    def set_rate(self, factor: float) -> None:
        """Scale the rates the optimiser was built with; see `Learner.set_rate`."""
        for group, rate in zip(self.optimizer.param_groups, self.base_rates, strict=True):
            group["lr"] = rate * factor

    def state_dict(self) -> dict[str, Any]:
        """Return the optimiser's running means; see `Learner.state_dict`."""
        return self.optimizer.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take back the optimiser's running means; see `Learner.load_state_dict`."""
        self.optimizer.load_state_dict(state)

    @abstractmethod
    def accumulate(self, model: SequenceModel, batch: Batch, state: Any) -> tuple[Tensor, Any]:
        """Fill `.grad` with the rule's gradient.

        Args:
            model: the model.
            batch: inputs and targets.
            state: what the rule carries.

        Returns:
            The loss and the state to carry on.
        """

    def update(self, model: SequenceModel, batch: Batch, state: Any) -> Update:
        """Take one optimiser step along the rule's gradient; see `Learner.update`."""
        self.optimizer.zero_grad()
        loss, state = self.accumulate(model, batch, state)
        gradients = [p.grad for p in model.parameters() if p.grad is not None]
        norm = nn.utils.get_total_norm(gradients)
        if norm > self.clip:
            torch._foreach_mul_(gradients, self.clip / norm)
        if torch.isfinite(norm):  # else the weights stay as they are, for the loop to keep
            self.optimizer.step()
        metrics = {
            "gradient_norm": float(norm),
            "clipped": float(norm > self.clip),
            "learning_rate": self.optimizer.param_groups[0]["lr"],
        }
        return Update(loss.detach(), state, metrics)
