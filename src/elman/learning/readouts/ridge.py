"""Ridge regression of a linear readout, from running sums."""

import math
from typing import Any, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from elman.data import Batch
from elman.errors import ConfigError
from elman.learning.learner import Learner, Update
from elman.learning.readouts.readout import Position, check_readout, read, start, with_bias, write


class RidgeState(NamedTuple):
    """What is carried from batch to batch.

    Args:
        position: where the sequences stand.
        factor: the running sums as a triangle, [U, C].
    """

    position: Position
    factor: Float[Tensor, "weights columns"]


class Ridge(Learner):
    r"""The readout with the least squared error, and a penalty on its weights.

    $$ R = \lambda I + \sum_t z_t z_t^\top, \quad P = \sum_t z_t y_t^\top, \quad
       V^\top = R^{-1} P $$

    where $z_t$ is what the readout reads at step t of any sequence, a 1 behind it if the readout
    has a bias, and $y_t$ the target: the bias is penalised like a weight. The sums run over the
    batches since `initial_state`, which are an epoch in a training. After each batch the readout is
    the solution for all of them so far, so that after the last one it is that of the epoch; a
    second epoch gives the same again. The rest of the model is not learnt.

    The sums are kept as the triangle $U$ of a QR decomposition, and the triangle is solved:

    $$ Q \begin{pmatrix} U & C \\ 0 & \cdot \end{pmatrix} =
       \begin{pmatrix} \sqrt\lambda I & 0 \\ z_1^\top & y_1^\top \\ \vdots & \vdots \end{pmatrix},
       \quad U^\top U = R, \quad U^\top C = P, \quad U V^\top = C $$

    Args:
        ridge: the penalty $\lambda$, from 0.
        washout: steps at the beginning of each sequence that are not learnt from, from 0.
        carried: whether a batch holds the next steps of the rows of the one before; else each
            batch holds whole sequences from their start.

    Raises:
        ConfigError: if a setting lies outside its range; from `initial_state` if the model has no
            linear readout; from `update` if the sums are singular.
        DataError: from `update`, if the series holds something that is not a number.

    Reference:
        Lukoševičius 2012, "A practical guide to applying echo state networks", equation 9.
        Differs: solved by QR, as in Golub 1965, "Numerical methods for solving linear least
        squares problems", as $R$ has the square of the condition number of $U$.
    """

    def __init__(self, *, ridge: float = 1e-8, washout: int = 0, carried: bool = True) -> None:
        if not (0 <= ridge < math.inf and washout >= 0):
            raise ConfigError(
                f"Ridge: ridge and washout must be 0 or more, got {ridge} and {washout}."
            )
        self.ridge = ridge
        self.washout = washout
        self.carried = carried

    def initial_state(self, model: Any, batch_size: int) -> RidgeState:
        """Return sums over nothing; see `Learner.initial_state`."""
        check_readout("Ridge", model)
        weight = model.readout.weight
        width = model.readout.in_features + (model.readout.bias is not None)
        factor = weight.new_zeros(width, width + len(weight), dtype=torch.float64)
        factor.diagonal().fill_(math.sqrt(self.ridge))
        return RidgeState(start(model, batch_size), factor)

    @torch.no_grad()
    def update(self, model: Any, batch: Batch, state: RidgeState) -> Update:
        """Add a batch to the sums and solve for the readout; see `Learner.update`."""
        first = state.position if self.carried else start(model, batch.inputs.shape[1])
        (features, counted), position = read("Ridge", model, batch, first, self.washout)
        loss = model.criterion(model.readout(features), batch.targets, batch.lengths)
        factor = state.factor
        if counted.any():
            inputs = with_bias(model.readout, features[counted])
            factor = _add(factor, inputs, batch.targets[counted].double())
            write(model.readout, self._solve(factor))
        metrics = {"readout_norm": float(model.readout.weight.norm())}
        return Update(loss, RidgeState(position, factor), metrics)

    def state_dict(self) -> dict[str, Any]:
        """Return nothing, for the sums are carried; see `Learner.state_dict`."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take nothing back; see `Learner.load_state_dict`."""

    def _solve(self, factor: Tensor) -> Tensor:
        """Return the weights, `[weights, output]`."""
        width = len(factor)
        upper, right = factor[:, :width], factor[:, width:]
        # What is left of each input when those before it have explained it, against rounding.
        smallest = width * torch.finfo(factor.dtype).eps * torch.linalg.vector_norm(upper, dim=0)
        explained = upper.diagonal().abs() <= smallest
        if explained.any():
            raise ConfigError(
                f"Ridge: with a penalty of {self.ridge:g} the steps seen do not determine the "
                f"{width} weights of an output, as readout input {int(explained.nonzero()[0])} "
                "follows from those before it: take a larger ridge, or more steps in a batch."
            )
        return torch.linalg.solve_triangular(upper, right, upper=True)


def _add(factor: Tensor, inputs: Tensor, targets: Tensor) -> Tensor:
    """Return the triangle of sums to which rows have been added."""
    width = len(factor)
    reflectors, scales = torch.geqrf(torch.cat([factor[:, :width], inputs]))
    right = torch.cat([factor[:, width:], targets])
    right = torch.ormqr(reflectors, scales, right, transpose=True)
    return torch.cat([reflectors[:width].triu(), right[:width]], dim=1)
