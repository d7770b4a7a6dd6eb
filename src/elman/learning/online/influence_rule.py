"""What the rules share that keep the influence of parameters on the state itself."""

from abc import abstractmethod
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from elman.errors import ConfigError
from elman.learning.online.dependence import Dependence, find_dependence
from elman.learning.online.influence import Influence
from elman.learning.online.learner import OnlineLearner, Steps
from elman.learning.online.step_jacobian import StepJacobian
from elman.learning.online.support import Support
from elman.learning.online.transition import Transition
from elman.memory import physical_memory


class InfluenceRule(OnlineLearner):
    """A rule that keeps entries of the influence $J$ and takes $J_t = D_t J_{t-1} + P_t$ on them.

    The Jacobians of the steps of a batch do not depend on one another, for the states are known
    and the weights stay as they are; so they are found for many steps at once, and only the
    recursion goes from step to step.
    """

    influence: Influence
    """The recursion for the model studied last."""

    @abstractmethod
    def support(self, dependence: Dependence) -> Support:
        """Return the units whose derivatives by each parameter are kept.

        Args:
            dependence: where the Jacobians of a step can differ from zero.
        """

    def empty_memory(self, like: Float[Tensor, "batch state"]) -> Tensor:
        """Return no entries; see `OnlineLearner.empty_memory`."""
        return like.new_zeros(len(like), 0)

    def study(self, transition: Transition, inputs: Tensor) -> None:
        """Find which entries there are and whether they fit; see `OnlineLearner.study`."""
        pairs = transition.state_size * transition.parameter_count
        self._require(4 * pairs, transition, inputs.device, "looked at bit by bit")
        dependence = find_dependence(transition, inputs)
        jacobian = StepJacobian(transition, dependence)
        self.influence = Influence(jacobian, self.support(dependence))
        self._require_entries(transition, inputs)

    def follow(
        self, transition: Transition, steps: Steps, memory: Any
    ) -> tuple[Float[Tensor, " parameters"], Tensor]:
        """Take the recursion through the steps; see `OnlineLearner.follow`."""
        influence = self.influence
        present: Tensor = memory
        if present.shape[1] == 0:
            self._require_entries(transition, steps.inputs)
            present = steps.states.new_zeros(steps.states.shape[1], influence.entries)
        gradient = present.new_zeros(transition.parameter_count)
        for some in steps.split(influence.jacobian.width):
            values = influence.jacobian(some.inputs.flatten(0, 1), some.states.flatten(0, 1))
            each = values.unflatten(0, some.valid.shape)
            for valid, by_state, of_step in zip(some.valid, some.by_state, each, strict=True):
                gradient += influence.pull(present, by_state)
                after = influence.advance(present, of_step)
                everywhere = bool(valid.all())
                present = after if everywhere else torch.where(valid.unsqueeze(1), after, present)
        return gradient, present

    def _require_entries(self, transition: Transition, inputs: Tensor) -> None:
        rows, like = inputs.shape[1], transition.flatten(transition.like)
        needed = 2 * rows * self.influence.entries * like.element_size()  # before and after a step
        self._require(needed, transition, inputs.device, f"in {rows} rows")

    def _require(self, needed: int, transition: Transition, device: torch.device, how: str) -> None:
        on_gpu = device.type == "cuda"
        present = torch.cuda.mem_get_info(device)[1] if on_gpu else physical_memory()
        if needed > present:
            raise ConfigError(
                f"{type(self).__name__}: the influence of {transition.parameter_count:,} weights "
                f"on {transition.state_size:,} numbers of the state {how} takes "
                f"{needed / 2**30:,.0f} GiB, and there are {present / 2**30:,.0f} GiB: take a "
                "smaller hidden size or batch size, or a rule that needs less (snap, then uoro)."
            )
