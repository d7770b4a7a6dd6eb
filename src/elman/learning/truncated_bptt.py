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
        device = next(iter(model.parameters())).device
        past = torch.zeros(0, batch_size, dtype=torch.long, device=device)
        return Window(model.initial_state(batch_size), past)

    def accumulate(
        self, model: SequenceModel, batch: Batch, state: Window
    ) -> tuple[Tensor, Window]:
        """Fill `.grad` with the truncated gradient; see `GradientLearner.accumulate`."""
        stride = len(batch.inputs)
        if stride > self.horizon:
            raise ValueError(
                f"A batch of {stride} steps is longer than the horizon of {self.horizon}: "
                "truncated BPTT(k1, k2) needs k1 <= k2."
            )
        inputs = torch.cat([state.inputs, batch.inputs])
        # The next window begins where at most k2 - k1 of these steps are left.
        start = max(0, len(inputs) - (self.horizon - stride))
        before, after = inputs[:start], inputs[start:]
        present, features = detach(state.state), []
        if len(before) > 0:
            outputs, present = model(before, present)
            features.append(outputs)
        next_state = present
        if len(after) > 0:
            outputs, _ = model(after, present)
            features.append(outputs)
        joined = features[0] if len(features) == 1 else torch.cat(features)
        loss = model.criterion(joined[-stride:], batch.targets, batch.lengths)
        self.backward(loss)
        return loss, Window(detach(next_state), after)
