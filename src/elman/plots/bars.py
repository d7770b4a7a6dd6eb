"""Systems side by side."""

import math
from collections.abc import Sequence
from pathlib import Path

from elman.plots.style import FAINT, INK, label, picture

BAR_COLOUR = "#a3c0e2"


def system_bars(
    names: Sequence[str],
    intervals: Sequence[tuple[float, float, float]],
    path: Path,
    *,
    quantity: str = "perplexity",
) -> None:
    """Draw a bar a system with its confidence interval, and the numbers beside it.

    Args:
        names: of the systems, drawn from top to bottom.
        intervals: estimate, low and high end for each system; a value that is not finite is
            written and has no bar.
        path: the PNG file to write.
        quantity: what is measured, with its unit.

    Raises:
        ValueError: if there is no system, or the numbers of names and intervals differ.
    """
    if not names or len(names) != len(intervals):
        raise ValueError(
            f"Bars need as many names as intervals and at least one, got {len(names)} and "
            f"{len(intervals)}."
        )
    with picture(path, 8.0, 1.1 + 0.42 * len(names)) as figure:
        axes = figure.add_subplot()
        axes.grid(visible=False, axis="y")
        axes.axvline(0.0, color=FAINT, linewidth=0.8)
        for row, (estimate, low, high) in enumerate(intervals):
            end = 0.0
            if math.isfinite(estimate):
                end = estimate
                axes.barh(row, estimate, height=0.62, color=BAR_COLOUR)
            if math.isfinite(low) and math.isfinite(high):
                end = max(end, high)
                axes.plot([low, high], [row, row], color=INK, marker="|", markersize=8)
            axes.annotate(
                f"{estimate:.4g}  [{low:.4g}, {high:.4g}]",
                (max(end, 0.0), row),
                xytext=(6, 0),
                textcoords="offset points",
                verticalalignment="center",
                fontsize=9,
            )
        axes.set_yticks(range(len(names)), [label(name) for name in names])
        axes.tick_params(axis="y", length=0)
        axes.set_ylim(len(names) - 0.5, -0.5)
        axes.set_xlabel(label(quantity))
