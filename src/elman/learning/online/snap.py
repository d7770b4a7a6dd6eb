"""The sparse n-step approximation of RTRL, with n = 1."""

from elman.learning.online.dependence import Dependence
from elman.learning.online.influence_rule import InfluenceRule
from elman.learning.online.support import Support, direct_support


class SnAp(InfluenceRule):
    r"""Real-time recurrent learning that keeps only what one step can reach (SnAp-1).

    $$ \tilde J_t = M \odot (D_t \tilde J_{t-1} + P_t), \quad
       M_{kj} = 1 \text{ where } P_{kj} \text{ can differ from } 0 $$

    The influence of a parameter on the units that it does not feed directly is dropped. For an
    Elman network one number a parameter is left, for an LSTM two. A parameter that all units
    read, such as a token vector, keeps all of its influence. Where no unit sees another, as in
    linear recurrences, nothing is dropped and the gradient is exact.

    Raises:
        ConfigError: from `update`, as in `RTRL`.

    Reference:
        Menick et al. 2020, "A practical sparse approximation for real time recurrent learning",
        section 3, with n = 1.
    """

    def support(self, dependence: Dependence) -> Support:
        """Return the units that each parameter reaches in one step; see `InfluenceRule.support`."""
        return direct_support(dependence.reach)
