"""Quality by position in the sequence."""

import math
from collections.abc import Mapping
from pathlib import Path

from elman.plots.perplexity import add_perplexity_axis
from elman.plots.style import Series, label, line_colour, marker, picture


def loss_by_position(losses: Mapping[str, Series], path: Path) -> None:
    """Draw the mean loss at each position of the sequences, a line a system.

    Args:
        losses: for each label the mean loss at positions 0, 1, ..., nats; NaN leaves a gap.
        path: the PNG file to write.

    Raises:
        ValueError: if there is no finite loss.
    """
    from matplotlib.ticker import MaxNLocator

    if not any(math.isfinite(loss) for series in losses.values() for loss in series):
        raise ValueError("No position has a finite loss: there is nothing to draw.")
    with picture(path, 8.0, 4.2) as figure:
        axes = figure.add_subplot()
        for index, (name, series) in enumerate(losses.items()):
            finite = [loss if math.isfinite(loss) else math.nan for loss in series]
            axes.plot(finite, label=label(name), color=line_colour(index), marker=marker(finite))
        axes.set_xlabel("position in the sequence")
        axes.set_ylabel("mean loss (nats)")
        axes.xaxis.set_major_locator(MaxNLocator("auto", integer=True, steps=[1, 2, 5, 10]))
        axes.legend()
        add_perplexity_axis(axes)
