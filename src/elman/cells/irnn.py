"""The rectified recurrent network that starts as the identity."""

from torch import nn

from elman.cells.elman import ElmanCell


class IRNNCell(ElmanCell):
    r"""Elman network of rectified linear units whose recurrence starts as the identity.

    $$ h_t = \max(0, W x_t + U h_{t-1} + b), \quad U_0 = \alpha I, \; b_0 = 0 $$

    Args:
        input_size: features of each input vector.
        hidden_size: hidden units.
        identity_scale: the factor $\alpha$; below 1 the units forget from the start.
        input_deviation: standard deviation of the Gaussian start of $W$, above 0.

    Raises:
        ValueError: if a size is below 1.

    Reference:
        Le, Jaitly & Hinton 2015, "A simple way to initialize recurrent networks of rectified
        linear units", section 3.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *,
        identity_scale: float = 1.0,
        input_deviation: float = 1e-3,
    ) -> None:
        super().__init__(input_size, hidden_size, nonlinearity="relu")
        nn.init.normal_(self.input_map.weight, std=input_deviation)
        nn.init.zeros_(self.input_map.bias)
        nn.init.eye_(self.recurrent_map.weight)
        self.recurrent_map.weight.data.mul_(identity_scale)
