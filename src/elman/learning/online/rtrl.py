"""Real-time recurrent learning, exact."""

from elman.learning.online.dependence import Dependence
from elman.learning.online.influence_rule import InfluenceRule
from elman.learning.online.support import Support, direct_support, lasting_support


class RTRL(InfluenceRule):
    r"""Real-time recurrent learning: the exact gradient, carried forward in time.

    $$ p^k_{ij}(t+1) = f'(s_k(t)) \Big( \sum_l w_{kl} \, p^l_{ij}(t) + \delta_{ik} z_j(t) \Big),
       \quad p^k_{ij} = \frac{\partial y_k}{\partial w_{ij}} $$

    which for any cell is $J_t = D_t J_{t-1} + P_t$ (see `OnlineLearner`). For a network of n
    units that all see one another it keeps n numbers a parameter and takes $n^2$ products a
    parameter and step. Of a parameter only the derivatives of units are kept that it can ever
    reach: of the next layers and its own, of faster groups of a clockwork network; and in linear
    recurrences, whose units do not see one another, of its one unit. There it costs no more than
    `SnAp`, and is exact all the same.

    Raises:
        ConfigError: from `update`, if the influence does not fit into memory, or the model's
            steps are not those of `Transition`.

    Reference:
        Williams & Zipser 1989, "A learning algorithm for continually running fully recurrent
        neural networks", equations 7 to 9. Differs: the weights stay as they are within a batch.
        The cheap form for linear recurrences: Zucchet et al. 2023, "Online learning of long-range
        dependencies".
    """

    def support(self, dependence: Dependence) -> Support:
        """Return the units that each parameter ever reaches; see `InfluenceRule.support`."""
        return lasting_support(direct_support(dependence.reach), dependence.links)
