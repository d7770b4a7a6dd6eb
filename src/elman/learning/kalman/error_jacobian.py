"""Errors of a batch and their derivatives by the weights."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from elman.data import Batch
from elman.errors import DataError
from elman.learning.learner import ErrorModel
from elman.learning.truncated_bptt import Window, empty_window, run_window
from elman.memory import physical_memory


class Linearised(NamedTuple):
    """A model at its present weights, to first order.

    Args:
        loss: the mean loss of the batch.
        errors: wanted less predicted outputs of all steps and rows.
        jacobian: minus the derivatives of the errors: those of the outputs by the weights.
        state: what to carry to the next batch.
    """

    loss: Float[Tensor, ""]
    errors: Float[Tensor, " errors"]
    jacobian: Float[Tensor, "weights errors"]
    state: Any


class ErrorDerivatives(ABC):
    """A way to differentiate errors by the weights along a carried stream."""

    @abstractmethod
    def initial_state(self, model: ErrorModel, batch_size: int) -> Any:
        """Return what is carried before the first batch.

        Args:
            model: the model.
            batch_size: rows of each batch.
        """

    @abstractmethod
    def linearise(
        self, model: ErrorModel, batch: Batch, state: Any, parameters: Sequence[nn.Parameter]
    ) -> Linearised:
        """Differentiate the errors of a batch.

        Args:
            model: the model.
            batch: the next steps of each row.
            state: what the previous call returned, or `initial_state`.
            parameters: by which to differentiate.

        Returns:
            The errors, their derivatives and what to carry.
        """


class BackwardDerivatives(ErrorDerivatives):
    r"""Derivatives by truncated backpropagation through time, BPTT(h).

    $$ \frac{\partial y_t}{\partial w} \approx \sum_{k > t - h}^{t}
       \frac{\partial y_t}{\partial h_k} \frac{\partial^+ h_k}{\partial w} $$

    All errors of a batch go back at once, as rows of one batched backward pass.

    Args:
        horizon: h, the number of steps derivatives reach back, at least the steps of a batch.

    Raises:
        ValueError: from `linearise`, if a batch is longer than the horizon.
        DataError: from `linearise`, if a batch has so many errors that matrices with a row and a
            column for each would not fit into memory.

    Reference:
        Williams & Peng 1990, BPTT(h; h'); see `TruncatedBPTT`.
    """

    def __init__(self, horizon: int) -> None:
        self.horizon = horizon

    def initial_state(self, model: ErrorModel, batch_size: int) -> Window:
        """Return an empty past; see `ErrorDerivatives.initial_state`."""
        return empty_window(model, batch_size)

    def linearise(
        self, model: ErrorModel, batch: Batch, state: Window, parameters: Sequence[nn.Parameter]
    ) -> Linearised:
        """Differentiate the errors of a batch; see `ErrorDerivatives.linearise`."""
        features, following = run_window(model, batch.inputs, state, self.horizon)
        errors = model.errors(features, batch.targets, batch.lengths).flatten()
        check_memory(len(errors), batch)
        with torch.no_grad():
            loss = model.criterion(features, batch.targets, batch.lengths)
        return Linearised(loss, errors.detach(), jacobian_of(errors, parameters), following)


def check_memory(errors: int, batch: Batch) -> None:
    """Refuse a batch with more errors than can be learnt from at once.

    Args:
        errors: how many it has.
        batch: the batch.

    Raises:
        DataError: if matrices with a row and a column for each would not fit into memory.
    """
    # Their covariance, its factor and its inverse, all float64.
    needed, present = 24 * errors**2, physical_memory()
    if needed > present:
        steps, rows = batch.targets.shape[:2]
        raise DataError(
            f"the extended Kalman filter has {errors:,} errors an update ({steps} steps of {rows} "
            f"rows), whose covariance takes {needed / 2**30:,.0f} GiB, and this machine has "
            f"{present / 2**30:,.0f} GiB: take a smaller stride, batch size or vocabulary."
        )


def jacobian_of(
    errors: Float[Tensor, " errors"], variables: Sequence[Tensor]
) -> Float[Tensor, "variables errors"]:
    """Return minus the derivatives of errors, all in one batched backward pass.

    Args:
        errors: the errors.
        variables: what they are differentiated by; the numbers of one follow those of the other.
    """
    count = len(errors)
    each = torch.eye(count, dtype=errors.dtype, device=errors.device)
    found = torch.autograd.grad(
        errors, list(variables), -each, is_grads_batched=True, allow_unused=True
    )
    rows = [
        errors.new_zeros(count, variable.numel()) if part is None else part.flatten(1)
        for part, variable in zip(found, variables, strict=True)
    ]
    return torch.cat(rows, dim=1).mT
