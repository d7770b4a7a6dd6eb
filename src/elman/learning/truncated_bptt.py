"""Truncated backpropagation through time."""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from jaxtyping import Int
from torch import Tensor

from elman.data import Batch
from elman.learning.learner import GradientLearner, SequenceModel
from elman.state import detach


class Window(NamedTuple):
    """The past that the next update reaches back into.

    Args:
        state: the model's state before the first of `inputs`.
        inputs: up to k2 - k1 past inputs.
    """

    state: Any
    inputs: Int[Tensor, "past batch"]


class TruncatedBPTT(GradientLearner):
    r"""Truncated backpropagation through time, BPTT(k1, k2).

    Every k1 steps the losses of these k1 steps are sent back through the last k2 steps:

    $$ \frac{\partial L}{\partial W} \approx \sum_{t = T - k_1 + 1}^{T} \sum_{k > T - k_2}^{t}
       \frac{\partial L_t}{\partial h_t} \frac{\partial h_t}{\partial h_k}
       \frac{\partial^+ h_k}{\partial W} $$

    The state is carried from batch to batch; a batch holds the next k1 steps of each row (its
    time axis is k1). With k1 = k2 = T over a whole sequence this is full BPTT.

    Args:
        optimizer: as in `GradientLearner`.
        horizon: k2, the number of steps gradients reach back, at least the steps of a batch.
        clip: as in `GradientLearner`.
        backward: as in `GradientLearner`.

    Raises:
        ValueError: from `update`, if a batch is longer than the horizon.

    Reference:
        Williams & Peng 1990, "An efficient gradient-based algorithm for on-line training of
        recurrent network trajectories", BPTT(h; h'). Differs: the steps reached back into are
        run again with the present weights.
    """

    def __init__(
        self,
        optimizer: torch.optim.Optimizer,
        *,
        horizon: int,
        clip: float = math.inf,
        backward: Callable[[Tensor], None] = Tensor.backward,
    ) -> None:
        super().__init__(optimizer, clip=clip, backward=backward)
        self.horizon = horizon

    def initial_state(self, model: SequenceModel, batch_size: int) -> Window:
        """Return an empty past; see `Learner.initial_state`."""
        return empty_window(model, batch_size)

    def accumulate(
        self, model: SequenceModel, batch: Batch, state: Window
    ) -> tuple[Tensor, Window]:
        """Fill `.grad` with the truncated gradient; see `GradientLearner.accumulate`."""
        features, following = run_window(model, batch.inputs, state, self.horizon)
        loss = model.criterion(features, batch.targets, batch.lengths)
        self.backward(loss)
        return loss, following


def empty_window(model: SequenceModel, batch_size: int) -> Window:
    """Return the window before the first batch.

    Args:
        model: the model.
        batch_size: rows of each batch.

    Returns:
        The model's initial state and no past inputs.
    """
    device = next(iter(model.parameters())).device
    past = torch.zeros(0, batch_size, dtype=torch.long, device=device)
    return Window(model.initial_state(batch_size), past)


def run_window(
    model: SequenceModel, inputs: Tensor, window: Window, horizon: int
) -> tuple[Tensor, Window]:
    """Run over the past of a window and new steps, with the graph of these steps only.

    Args:
        model: the model.
        inputs: the next k1 steps of each row, `[time, batch, ...]`.
        window: the past.
        horizon: k2.

    Returns:
        The features of the new steps and the next window.

    Raises:
        ValueError: if there are more new steps than the horizon.
    """
    stride = len(inputs)
    if stride > horizon:
        raise ValueError(
            f"A batch of {stride} steps is longer than the horizon of {horizon}: "
            "truncated BPTT(k1, k2) needs k1 <= k2."
        )
    # The first window's past has no steps, and not the features of the inputs.
    joined = torch.cat([window.inputs, inputs]) if len(window.inputs) > 0 else inputs
    # The next window begins where at most k2 - k1 of these steps are left.
    start = max(0, len(joined) - (horizon - stride))
    before, after = joined[:start], joined[start:]
    present, features = detach(window.state), []
    if len(before) > 0:
        outputs, present = model(before, present)
        features.append(outputs)
    next_state = present
    if len(after) > 0:
        outputs, _ = model(after, present)
        features.append(outputs)
    whole = features[0] if len(features) == 1 else torch.cat(features)
    return whole[-stride:], Window(detach(next_state), after)
