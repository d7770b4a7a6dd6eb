"""Recursive least squares: a linear readout learnt step by step."""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from elman.data import Batch
from elman.errors import ConfigError
from elman.learning.learner import Learner, ReadoutModel, Update
from elman.learning.readouts.readout import Position, check_readout, read, start, with_bias, write


class RecursiveLeastSquares(Learner):
    r"""Online least squares of a linear readout, with forgetting.

    $$ k_t = \frac{P_{t-1} z_t}{\gamma + z_t^\top P_{t-1} z_t}, \quad
       P_t = \tfrac{1}{\gamma} (P_{t-1} - k_t z_t^\top P_{t-1}) $$
    $$ V_t = V_{t-1} + (y_t - V_{t-1} z_t) k_t^\top, \quad V_0 = 0, \quad P_0 = I / \lambda $$

    where $z_t$ is what the readout reads, a 1 behind it if the readout has a bias, and $y_t$ the
    target. After step T the readout has the least
    $\sum_t \gamma^{T-t} \| y_t - V z_t \|^2 + \gamma^T \lambda \| V \|^2$; without forgetting
    that is `Ridge`. The rows of a batch are learnt together, step by step: the fraction then has a
    matrix below, with a row and a column for each. Steps without a target do not count as steps.
    $V$ and $P$ belong to the whole training, over all its epochs, in float64.

    Args:
        ridge: the penalty $\lambda$, above 0.
        forgetting: the factor $\gamma$ by which a step's weight falls at the next, in (0, 1].
        washout: steps at the beginning of each sequence that are not learnt from, from 0.
        carried: whether a batch holds the next steps of the rows of the one before; else each
            batch holds whole sequences from their start.

    Raises:
        ConfigError: if a setting lies outside its range; from `initial_state` if the model has no
            linear readout; from `update` if $P$ loses its definiteness.
        DataError: from `update`, if the series holds something that is not a number.

    Reference:
        Jaeger 2002, "Adaptive nonlinear system identification with echo state networks".
    """

    name = "RLS"

    def __init__(
        self,
        *,
        ridge: float = 1e-4,
        forgetting: float = 1.0,
        washout: int = 0,
        carried: bool = True,
    ) -> None:
        if not (ridge > 0 and 0 < forgetting <= 1 and washout >= 0):
            raise ConfigError(
                f"{self.name}: ridge must be above 0, forgetting above 0 and up to 1, washout 0 "
                f"or more, got {ridge}, {forgetting} and {washout}."
            )
        self.ridge = ridge
        self.forgetting = forgetting
        self.washout = washout
        self.carried = carried
        self._learnt: tuple[Tensor, Tensor] | None = None

    def initial_state(self, model: Any, batch_size: int) -> Any:
        """Return where the sequences begin; see `Learner.initial_state`."""
        check_readout(self.name, model)
        return start(model, batch_size)

    @torch.no_grad()
    def update(self, model: Any, batch: Batch, state: Position) -> Update:
        """Learn from each step of a batch; see `Learner.update`."""
        first = state if self.carried else start(model, batch.inputs.shape[1])
        (features, counted), position = read(self.name, model, batch, first, self.washout)
        loss = model.criterion(model.readout(features), batch.targets, batch.lengths)
        for step in counted.any(dim=1).nonzero().flatten().tolist():
            rows = counted[step]
            inputs = with_bias(model.readout, features[step][rows])
            self.absorb(model, inputs, batch.targets[step][rows].double())
        return Update(loss, position, self.finish(model))

    def absorb(
        self,
        model: ReadoutModel,
        inputs: Float[Tensor, "rows weights"],
        targets: Float[Tensor, "rows output"],
    ) -> None:
        """Learn from one step of some rows.

        Args:
            model: the model, whose readout is only written by `finish`.
            inputs: what the readout reads, in float64, with the 1 of its bias.
            targets: what it should say.

        Raises:
            ConfigError: if P has lost its definiteness.
        """
        weights, covariance = self.learnt(model)
        reach = inputs @ covariance  # [rows, weights]
        spread = reach @ inputs.T
        spread.diagonal().add_(self.forgetting)
        root, failed = torch.linalg.cholesky_ex(spread)
        if failed or not root.isfinite().all():
            raise ConfigError(
                f"{self.name}: the covariance has lost its definiteness to rounding: take a larger "
                "ridge, or a forgetting nearer to 1."
            )
        both = torch.cat([reach, targets - inputs @ weights], dim=1)
        both = torch.linalg.solve_triangular(root, both, upper=False)
        reach, errors = both[:, : len(weights)], both[:, len(weights) :]
        weights.addmm_(reach.T, errors)
        covariance.addmm_(reach.T, reach, alpha=-1)
        if self.forgetting < 1:
            # Rounding leaves P a little asymmetric, and forgetting would let that grow.
            covariance.add_(covariance.T.clone()).mul_(0.5 / self.forgetting)

    def learnt(self, model: ReadoutModel) -> tuple[Tensor, Tensor]:
        """Return V, transposed, and P as they are, the first ones if there are none yet.

        Args:
            model: the model.

        Returns:
            `[weights, output]` and `[weights, weights]`; both change as more is learnt.
        """
        weight = model.readout.weight
        if self._learnt is None:
            width = model.readout.in_features + (model.readout.bias is not None)
            weights = weight.new_zeros(width, len(weight), dtype=torch.float64)
            covariance = weight.new_zeros(width, width, dtype=torch.float64)
            covariance.diagonal().fill_(1 / self.ridge)
            self._learnt = weights, covariance
        weights, covariance = self._learnt
        self._learnt = weights.to(weight.device), covariance.to(weight.device)
        return self._learnt

    def finish(self, model: ReadoutModel) -> dict[str, float]:
        """Give the readout its weights at the end of a batch.

        Args:
            model: the model.

        Returns:
            Numbers for `Update.metrics`.
        """
        weights, _ = self.learnt(model)
        write(model.readout, weights)
        return {"readout_norm": float(model.readout.weight.norm())}

    def state_dict(self) -> dict[str, Any]:
        """Return V and P; see `Learner.state_dict`."""
        if self._learnt is None:
            return {}
        return {"weights": self._learnt[0], "covariance": self._learnt[1]}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take back V and P; see `Learner.load_state_dict`."""
        self._learnt = (state["weights"].clone(), state["covariance"].clone()) if state else None
