"""FORCE: a readout learnt while the network runs on its own output."""

from typing import Any, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from elman.data import Batch
from elman.errors import ConfigError
from elman.learning.learner import ReadoutModel, Update
from elman.learning.readouts.readout import (
    Position,
    check_finite,
    find_counted,
    with_bias,
)
from elman.learning.readouts.rls import RecursiveLeastSquares
from elman.state import detach


class ForceState(NamedTuple):
    """What is carried from batch to batch.

    Args:
        position: where the sequences stand.
        output: the last output, which is fed back.
    """

    position: Position
    output: Float[Tensor, "batch output"]


class FORCE(RecursiveLeastSquares):
    r"""First-order reduced and controlled error learning: RLS in the closed loop.

    $$ z_t = w_{t-1}^\top r_t, \quad e_t = z_t - f_t $$
    $$ P_t = P_{t-1} - \frac{P_{t-1} r_t r_t^\top P_{t-1}}{1 + r_t^\top P_{t-1} r_t}, \quad
       P_0 = I / \alpha $$
    $$ w_t = w_{t-1} - e_t P_t r_t, \quad w_0 = 0 $$

    where $r_t$ is what the readout reads and $f_t$ the target. The last input features are the
    feedback: whatever a batch holds there is replaced by the network's own output $z_{t-1}$, zero
    before the first step, so that the network learns among the errors that it makes. As the first
    updates are large, the output stays near the target from the beginning. Where there is no
    target, and between updates, the network goes on by itself. What it has learnt then runs in a
    `ClosedLoopCell`. The loss is the mean over the outputs $z_t$.

    Args:
        ridge: $\alpha$, above 0; the inverse of the first rate of learning.
        every: steps from one update to the next, at least 1.
        washout: steps at the beginning of each sequence that are not learnt from, from 0.
        carried: as in `RecursiveLeastSquares`.

    Raises:
        ConfigError: if a setting lies outside its range; from `initial_state` if the model has no
            linear readout; from `update` if it has fewer inputs than outputs, or $P$ loses its
            definiteness.
        DataError: from `update`, if the series holds something that is not a number.

    Reference:
        Sussillo & Abbott 2009, "Generating coherent patterns of activity from chaotic neural
        networks", the architecture whose only learnt weights are the readout's. Differs: rows of a
        batch share one readout and are learnt together.
    """

    name = "FORCE"

    def __init__(
        self, *, ridge: float = 1.0, every: int = 1, washout: int = 0, carried: bool = True
    ) -> None:
        super().__init__(ridge=ridge, washout=washout, carried=carried)
        if every < 1:
            raise ConfigError(f"FORCE: every must be at least 1, got {every}.")
        self.every = every

    def initial_state(self, model: Any, batch_size: int) -> ForceState:
        """Return where the sequences begin, with no output; see `Learner.initial_state`."""
        position = super().initial_state(model, batch_size)
        weight = model.readout.weight
        return ForceState(position, weight.new_zeros(batch_size, len(weight)))

    @torch.no_grad()
    def update(self, model: Any, batch: Batch, state: Any) -> Update:
        """Run over a batch and learn on the way; see `Learner.update`."""
        own = self._count_own(model, batch)
        if not self.carried:
            state = self.initial_state(model, batch.inputs.shape[1])
        first, output = state
        check_finite(self.name, "the input", batch.inputs[..., :own], batch, first)
        counted = find_counted(self.name, batch, first, self.washout)
        at, outputs = first.state, []
        for step, inputs in enumerate(batch.inputs[..., :own]):
            fed = torch.cat([inputs, output], dim=-1)
            features, at = model.readout_inputs(fed.unsqueeze(0), at)
            read = with_bias(model.readout, features[0])
            weights, _ = self.learnt(model)
            output = (read @ weights).to(fed.dtype)
            outputs.append(output)
            rows = counted[step] & ((first.steps + step) % self.every == 0)
            if rows.any():
                self.absorb(model, read[rows], batch.targets[step][rows].double())
        found = torch.stack(outputs)
        check_finite(self.name, "the output", found, batch, first)
        loss = model.criterion(found, batch.targets, batch.lengths)
        after = Position(detach(at), first.steps + len(outputs))
        return Update(loss, ForceState(after, output), self.finish(model))

    def _count_own(self, model: ReadoutModel, batch: Batch) -> int:
        """Return the input features that come from outside."""
        own = batch.inputs.shape[-1] - model.readout.out_features
        if own < 0 or batch.inputs.dim() != 3:
            raise ConfigError(
                f"FORCE feeds the {model.readout.out_features} outputs back as the last inputs, "
                f"and the model is given {list(batch.inputs.shape)}: add a feature of feedback for "
                "each output."
            )
        return own
