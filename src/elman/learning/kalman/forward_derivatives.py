"""Errors of a batch and their derivatives by the weights, forwards in time."""

from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from elman.data import Batch
from elman.learning.kalman.error_jacobian import ErrorDerivatives, Linearised, jacobian_of
from elman.learning.learner import ErrorModel
from elman.learning.online.dependence import find_dependence
from elman.learning.online.influence import Influence
from elman.learning.online.learner import OnlineState
from elman.learning.online.step_jacobian import StepJacobian
from elman.learning.online.support import direct_support, lasting_support
from elman.learning.online.transition import Transition
from elman.state import tensors


class ForwardDerivatives(ErrorDerivatives):
    r"""Derivatives by real-time recurrent learning, which reach back without bound.

    $$ \frac{d y_t}{d w} = \frac{\partial y_t}{\partial w} +
       \frac{\partial y_t}{\partial s_{t-1}} J_{t-1}, \quad
       J_t = \frac{\partial s_t}{\partial s_{t-1}} J_{t-1} + \frac{\partial s_t}{\partial w} $$

    The influence $J$ of the weights on the state s is carried from step to step; see `RTRL`.

    Reference:
        Williams 1992, "Training recurrent networks using the extended Kalman filter"; Puskorius &
        Feldkamp 1994, section III, dynamic derivatives.
    """

    def __init__(self) -> None:
        self.transition: Transition | None = None

    def initial_state(self, model: ErrorModel, batch_size: int) -> OnlineState:
        """Return the model's state without influence; see `ErrorDerivatives.initial_state`."""
        state = model.initial_state(batch_size)
        return OnlineState(state, next(tensors(state)).new_zeros(batch_size, 0))

    def linearise(
        self,
        model: ErrorModel,
        batch: Batch,
        state: OnlineState,
        parameters: Sequence[nn.Parameter],
    ) -> Linearised:
        """Differentiate the errors of a batch; see `ErrorDerivatives.linearise`."""
        transition = self._prepare(model, batch.inputs, parameters)
        before, final = _states(model, batch.inputs, state.state)
        vectors = torch.cat([transition.flatten(part) for part in before]).requires_grad_()
        # Every step starts from a state that is known: all are rows of one step.
        features, _ = model(batch.inputs.flatten(0, 1).unsqueeze(0), transition.unflatten(vectors))
        in_time = features.unflatten(1, batch.inputs.shape[:2])[0]
        errors = model.errors(in_time, batch.targets, batch.lengths)
        with torch.no_grad():
            loss = model.criterion(in_time, batch.targets, batch.lengths)
        found = jacobian_of(errors.flatten(), [*parameters, vectors])
        jacobian, by_vectors = found.split([len(found) - vectors.numel(), vectors.numel()])
        by_states = by_vectors.mT.unflatten(0, errors.shape).unflatten(3, (*errors.shape[:2], -1))
        influence = state.memory
        if influence.shape[1] == 0:
            influence = influence.new_zeros(len(influence), self.influence.entries)
        past = []
        for step, inputs in enumerate(batch.inputs):
            own = by_states[step, :, :, step].diagonal(dim1=0, dim2=2).movedim(2, 0)
            past.append(self._pull(influence, own))
            values = self.influence.jacobian(inputs, transition.flatten(before[step]))
            influence = self.influence.advance(influence, values).detach()
        jacobian = jacobian.index_add(0, self.columns, torch.cat(past).mT)
        return Linearised(loss, errors.detach().flatten(), jacobian, OnlineState(final, influence))

    def _prepare(
        self, model: ErrorModel, inputs: Tensor, parameters: Sequence[nn.Parameter]
    ) -> Transition:
        """Find out, before the first batch, which weights have an influence on the state."""
        if self.transition is None or self.transition.model is not model:
            self.transition = Transition(model, inputs)
            dependence = find_dependence(self.transition, inputs)
            support = lasting_support(direct_support(dependence.reach), dependence.links)
            self.influence = Influence(StepJacobian(self.transition, dependence), support)
            self.columns = _places(list(self.transition.parameters.values()), parameters)
        return self.transition

    def _pull(
        self,
        influence: Float[Tensor, "batch entries"],
        by_state: Float[Tensor, "batch output state"],
    ) -> Float[Tensor, "errors columns"]:
        """Carry derivatives of each error by the state of its row on to the weights."""

        def of_error(row: Tensor, by: Tensor) -> Tensor:
            return self.influence.pull(row.unsqueeze(0), by.unsqueeze(0))

        of_row = torch.vmap(of_error, in_dims=(None, 0))
        return torch.vmap(of_row)(influence, by_state).flatten(0, 1)


@torch.no_grad()
def _states(model: ErrorModel, inputs: Tensor, state: Any) -> tuple[list[Any], Any]:
    """Return the states before each step, and the last."""
    before = []
    for step in range(len(inputs)):
        before.append(state)
        _, state = model(inputs[step : step + 1], state)
    return before, state


def _places(
    some: Sequence[nn.Parameter], parameters: Sequence[nn.Parameter]
) -> Int[Tensor, " columns"]:
    """Return where the numbers of some parameters stand among those of all."""
    first, starts = 0, {}
    for parameter in parameters:
        starts[parameter] = first
        first += parameter.numel()
    device = parameters[0].device
    places = [starts[one] + torch.arange(one.numel(), device=device) for one in some]
    return torch.cat([torch.arange(0, device=device), *places])
