"""The extended Kalman filter: the weights as the hidden state of a system to be estimated."""

import warnings
from typing import Any, cast

import torch
from jaxtyping import Float
from torch import Tensor

from elman.data import Batch
from elman.errors import ConfigError, DataError
from elman.learning.kalman.annealing import Annealing, annealing
from elman.learning.kalman.covariance import has_variances, repaired
from elman.learning.kalman.error_jacobian import ErrorDerivatives, check_memory
from elman.learning.kalman.weight_groups import WeightGroups
from elman.learning.learner import ErrorModel, Learner, SequenceModel, Update
from elman.memory import physical_memory


class ExtendedKalmanFilter(Learner):
    r"""Extended Kalman filter over the weights, in groups $i$ that it takes for independent.

    $$ A = \Big[ R + \sum_i H_i^T P_i H_i \Big]^{-1} $$
    $$ K_i = P_i H_i A $$
    $$ w_i \leftarrow w_i + K_i \xi $$
    $$ P_i \leftarrow P_i - K_i H_i^T P_i + Q_i $$

    Here $\xi$ are the errors, wanted less predicted outputs; $H_i$ the derivatives of the outputs
    by the weights of group i; $P_i$ the covariance of these weights. One group of all weights is
    the global filter, a group for each node the node-decoupled one. The errors of all steps and
    rows of a batch make one update: several rows are several streams. The state is carried from
    batch to batch.

    What it lowers is the sum of squared errors. Those of a language model are one for the wanted
    token, else zero, less the probabilities. Only the ratios of the three variances matter.

    Args:
        groups: the weights, of `one_group` or `node_groups`.
        derivatives: how the outputs are differentiated.
        initial_variance: the diagonal of every $P_i$ at the start, above 0.
        measurement_noise: the diagonal of $R$, above 0; its inverse acts as a learning rate.
        process_noise: the diagonal of every $Q_i$; above 0 it keeps the filter learning.

    Raises:
        ValueError: if a variance is not above 0, or the covariances would not fit into memory.
        ConfigError: from `initial_state`, if the model does not tell its errors.
        DataError: from `update`, if an input is not a number.

    Reference:
        Puskorius & Feldkamp 1994, "Neurocontrol of nonlinear dynamical systems with Kalman filter
        trained recurrent networks" (decoupled filter, groups by node, artificial process noise);
        Feldkamp & Puskorius 1994, "Training controllers for robustness: multi-stream DEKF".
        Differs: the derivatives of a window are taken at its present weights; a covariance that
        rounding has left indefinite is repaired.
    """

    def __init__(
        self,
        groups: WeightGroups,
        derivatives: ErrorDerivatives,
        *,
        initial_variance: float = 1.0,
        measurement_noise: float | Annealing = 1.0,
        process_noise: float | Annealing = 1e-6,
    ) -> None:
        self.groups = groups
        self.derivatives = derivatives
        self.measurement_noise = annealing(measurement_noise)
        self.process_noise = annealing(process_noise)
        if not (initial_variance > 0 and self.measurement_noise.last > 0):
            raise ValueError(
                "ExtendedKalmanFilter: the initial variance and the measurement noise must be "
                f"above 0, got {initial_variance} and {self.measurement_noise.last}."
            )
        _check_memory(groups)
        self.updates = 0
        device = groups.parameters[0].device
        self.covariances = [
            torch.eye(places.shape[1], dtype=torch.float64, device=device)
            .mul(initial_variance)
            .repeat(len(places), 1, 1)
            for places in groups.places
        ]

    def initial_state(self, model: SequenceModel, batch_size: int) -> Any:
        """Return what the derivatives carry; see `Learner.initial_state`."""
        if not hasattr(model, "errors"):
            raise ConfigError(
                "the extended Kalman filter needs a model with squared errors or a softmax, "
                f"and {type(model).__name__} has neither: take another learning rule."
            )
        return self.derivatives.initial_state(cast(ErrorModel, model), batch_size)

    @torch.no_grad()
    def prepare(self, model: SequenceModel, batch: Batch) -> None:
        """Refuse a model or data that the filter cannot serve, before anything is learnt.

        Args:
            model: the model.
            batch: one like those to come.

        Raises:
            ConfigError: if the model does not tell its errors.
            DataError: if a batch has too many of them.
        """
        self.initial_state(model, batch.rows)
        features, _ = model(batch.inputs, model.initial_state(batch.rows))
        errors = cast(ErrorModel, model).errors(features, batch.targets, batch.lengths)
        check_memory(errors.numel(), batch)

    def update(self, model: SequenceModel, batch: Batch, state: Any) -> Update:
        """Take one step of the filter; see `Learner.update`."""
        _check_inputs(batch.inputs)
        found = self.derivatives.linearise(
            cast(ErrorModel, model), batch, state, self.groups.parameters
        )
        repairs = 0
        # Else the weights stay as they are, for the loop to keep.
        if found.errors.isfinite().all() and found.jacobian.isfinite().all():
            repairs = self._learn(found.errors.double(), found.jacobian.double())
        return Update(found.loss, found.state, {"repairs": float(repairs)})

    def state_dict(self) -> dict[str, Any]:
        """Return the covariances; see `Learner.state_dict`."""
        return {"updates": self.updates, "covariances": self.covariances}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take back the covariances; see `Learner.load_state_dict`."""
        self.updates = state["updates"]
        for own, given in zip(self.covariances, state["covariances"], strict=True):
            own.copy_(given)

    @torch.no_grad()
    def _learn(
        self, errors: Float[Tensor, " errors"], jacobian: Float[Tensor, "weights errors"]
    ) -> int:
        """Change weights and covariances; return how many repairs it took."""
        jacobians = [jacobian[places] for places in self.groups.places]  # [groups, weights, errors]
        products, factor, repairs = self._innovation(jacobians)
        inverse = torch.cholesky_inverse(factor)
        change = jacobian.new_zeros(len(jacobian))
        drift = self.process_noise.value(self.updates)
        for covariance, product, places in zip(
            self.covariances, products, self.groups.places, strict=True
        ):
            gain = product @ inverse
            change[places] = gain @ errors
            covariance.baddbmm_(gain, product.mT, alpha=-1)
            covariance.add_(covariance.mT.clone()).mul_(0.5)  # rounding leaves it asymmetric
            covariance.diagonal(dim1=-2, dim2=-1).add_(drift)
        self.groups.add(change)
        self.updates += 1
        return repairs

    def _innovation(self, jacobians: list[Tensor]) -> tuple[list[Tensor], Tensor, int]:
        """Return all $P_i H_i$, the Cholesky factor of $A^{-1}$, and the repairs it took."""
        products, spread = self._spread(jacobians)
        noise = self.measurement_noise.value(self.updates) * torch.eye(len(spread)).to(spread)
        factor, failed = torch.linalg.cholesky_ex(noise + spread)
        sound = (spread.diagonal() >= 0).all() and all(map(has_variances, self.covariances))
        if sound and not failed:
            return products, factor, 0
        warnings.warn(
            "ExtendedKalmanFilter: rounding has left a covariance indefinite; it is repaired. "
            "A higher measurement noise or a lower initial variance avoids this.",
            RuntimeWarning,
            stacklevel=2,
        )
        for covariance in self.covariances:
            covariance.copy_(repaired(covariance))
        products, spread = self._spread(jacobians)
        return products, torch.linalg.cholesky(repaired(noise + spread)), 1

    def _spread(self, jacobians: list[Tensor]) -> tuple[list[Tensor], Tensor]:
        r"""Return all $P_i H_i$, and $\sum_i H_i^T P_i H_i$."""
        products = [
            covariance @ jacobian
            for covariance, jacobian in zip(self.covariances, jacobians, strict=True)
        ]
        terms = [
            torch.einsum("gwm,gwn->mn", jacobian, product)
            for jacobian, product in zip(jacobians, products, strict=True)
        ]
        return products, torch.stack(terms).sum(0)


def _check_memory(groups: WeightGroups) -> None:
    # All are float64, whatever the weights are, and an update holds one of them twice.
    needed, present = 16 * groups.covariances, physical_memory()
    if needed > present:
        raise ValueError(
            f"ExtendedKalmanFilter: the covariances of {groups.count:,} weights take "
            f"{needed / 2**30:,.0f} GiB, and this machine has {present / 2**30:,.0f} GiB: "
            "take node groups, or a smaller model."
        )


def _check_inputs(inputs: Tensor) -> None:
    if inputs.is_floating_point() and not inputs.isfinite().all():
        step, row, feature = (~inputs.isfinite()).nonzero()[0].tolist()
        raise DataError(
            f"the series holds {float(inputs[step, row, feature])} (feature {feature}, step {step} "
            f"of the batch, row {row}), which the extended Kalman filter would spread to every "
            "weight: fill the gaps first."
        )
