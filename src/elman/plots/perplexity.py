"""The scale that lets a curve of losses be read as perplexities."""

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import matplotlib.axes

LARGEST_LOSS = 50.0  # nats; beyond it the numbers would say nothing
WIDE = 8.0  # ratio of the ends from which 1, 2, 5, 10, ... are enough ticks


def add_perplexity_axis(axes: "matplotlib.axes.Axes") -> None:
    """Put perplexities on the right of a plot of losses, level with their logarithms.

    Args:
        axes: a plot with losses in nats on the left, drawn already: its limits are fixed here.
    """
    from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter, NullLocator

    low, high = axes.get_ylim()
    axes.set_ylim(low, high)
    if max(abs(low), abs(high)) > LARGEST_LOSS:
        return
    right = axes.twinx()
    right.set_yscale("log")
    right.set_ylim(math.exp(low), math.exp(high))
    wide = math.exp(high - low) > WIDE
    subdivisions = (1, 2, 5) if high - low < math.log(1e4) else (1,)
    right.yaxis.set_major_locator(LogLocator(subs=subdivisions) if wide else MaxNLocator(6))
    right.yaxis.set_minor_locator(NullLocator())
    right.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.4g}"))
    right.yaxis.set_minor_formatter(NullFormatter())
    right.set_ylabel("perplexity")
    right.grid(visible=False)
