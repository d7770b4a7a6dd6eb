"""Pictures from plain arrays, written as PNG files; matplotlib is imported when one is drawn."""

from elman.plots.activations import unit_activations
from elman.plots.bars import system_bars
from elman.plots.clipping import clipped_updates
from elman.plots.curves import learning_curves
from elman.plots.jacobian import Spectrum, recurrent_jacobians
from elman.plots.lag import gradient_norm_by_lag
from elman.plots.position import loss_by_position
from elman.plots.surface import error_surface

__all__ = [
    "Spectrum",
    "clipped_updates",
    "error_surface",
    "gradient_norm_by_lag",
    "learning_curves",
    "loss_by_position",
    "recurrent_jacobians",
    "system_bars",
    "unit_activations",
]
