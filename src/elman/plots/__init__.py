"""Pictures from plain arrays, written as PNG files; matplotlib is imported when one is drawn."""

from elman.plots.activations import unit_activations
from elman.plots.alignment import alignment
from elman.plots.attention import AttendedText, attention_over_words
from elman.plots.bars import system_bars
from elman.plots.clipping import clipped_updates
from elman.plots.confusion import confusion_matrix
from elman.plots.curves import learning_curves
from elman.plots.jacobian import Spectrum, recurrent_jacobians
from elman.plots.lag import gradient_norm_by_lag
from elman.plots.length import quality_by_length
from elman.plots.position import loss_by_position
from elman.plots.story_attention import story_attention
from elman.plots.surface import error_surface
from elman.plots.surprisal import surprisal
from elman.plots.transitions import transition_matrix

__all__ = [
    "AttendedText",
    "Spectrum",
    "alignment",
    "attention_over_words",
    "clipped_updates",
    "confusion_matrix",
    "error_surface",
    "gradient_norm_by_lag",
    "learning_curves",
    "loss_by_position",
    "quality_by_length",
    "recurrent_jacobians",
    "story_attention",
    "surprisal",
    "system_bars",
    "transition_matrix",
    "unit_activations",
]
