"""What is taken for what."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Int

from elman.plots.style import label, picture

CELL = 0.42
"""Inches of a row and of a column."""
LARGEST_SIDE = 200
"""Classes that a picture can show."""
LONGEST_NAME = 30
DARK = 0.55
"""Shares from here on are written in white."""


def confusion_matrix(
    counts: Int[np.ndarray, "true found"], names: Sequence[str], path: Path
) -> None:
    """Draw how many items of each class were taken for each class.

    Cells are shaded by their share of the row, so that rare classes are seen as well as frequent
    ones, and hold the count where there is one.

    Args:
        counts: items by true class and by the class found.
        names: of the classes.
        path: the PNG file to write.

    Raises:
        ValueError: if the sizes do not agree, or there are none or too many classes.
    """
    size = len(names)
    if counts.shape != (size, size) or not 0 < size <= LARGEST_SIDE:
        raise ValueError(
            f"A confusion matrix has 1 to {LARGEST_SIDE} classes, a row and a column each; got "
            f"{size} names and counts {list(counts.shape)}."
        )
    shown = [label(name[:LONGEST_NAME]) for name in names]
    room = 0.4 + 0.09 * max(map(len, shown))
    side = room + CELL * size
    with picture(path, side + 2.0, side + 0.8) as figure:
        axes = figure.add_subplot()
        shares = counts / counts.sum(axis=1, keepdims=True).clip(1)
        image = axes.imshow(shares, cmap="Blues", vmin=0.0, vmax=1.0)
        axes.grid(visible=False)
        for row, column in np.argwhere(counts):
            colour = "white" if shares[row, column] > DARK else "#30343b"
            axes.text(
                column,
                row,
                f"{counts[row, column]}",
                color=colour,
                fontsize=8,
                horizontalalignment="center",
                verticalalignment="center",
            )
        axes.set_xticks(range(size), shown, rotation=90)
        axes.set_yticks(range(size), shown)
        axes.tick_params(length=0)
        axes.set_xlabel("found")
        axes.set_ylabel("true")
        figure.colorbar(
            image, ax=axes, shrink=min(1.0, 2.5 / side), label="share of the true class"
        )
