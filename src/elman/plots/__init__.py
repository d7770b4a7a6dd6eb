"""Pictures from plain arrays, written as PNG files; matplotlib is imported when one is drawn."""

from elman.plots.activations import unit_activations
from elman.plots.bars import system_bars
from elman.plots.curves import learning_curves
from elman.plots.lag import gradient_norm_by_lag
from elman.plots.position import loss_by_position

__all__ = [
    "gradient_norm_by_lag",
    "learning_curves",
    "loss_by_position",
    "system_bars",
    "unit_activations",
]
