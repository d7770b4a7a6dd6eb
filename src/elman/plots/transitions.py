"""What follows what: a matrix of labels."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float

from elman.plots.style import FAINT, INK, label, picture

MOST_NUMBERED = 30
"""Labels up to which the values are written into the squares."""
INCHES_A_LABEL = 0.42
UNWRITTEN = 0.005
"""Shares below it stand as an empty square."""
LARGEST = 14.0
"""Inches of the picture's side, at most."""


def transition_matrix(
    values: Float[np.ndarray, "before after"],
    before: Sequence[str],
    after: Sequence[str],
    path: Path,
    *,
    meaning: str,
) -> None:
    """Draw how labels follow each other, as squares whose colour is the value.

    Args:
        values: for each label, those after it; NaN, drawn as a dot, for what may not follow.
        before: names of the rows.
        after: names of the columns.
        path: the PNG file to write.
        meaning: what a value is.

    Raises:
        ValueError: if no value is a number.
    """
    if not np.isfinite(values).any():
        raise ValueError("values has no number: there is no transition to draw.")
    largest = float(np.nanmax(np.abs(values)))
    signed = bool(np.nanmin(values) < 0)
    side = min(LARGEST, 2.2 + INCHES_A_LABEL * max(values.shape))
    with picture(path, side + 0.8, side) as figure:
        axes = figure.subplots()
        axes.grid(visible=False)
        axes.spines[:].set_visible(False)
        squares = axes.imshow(
            values,
            cmap="RdBu" if signed else "Blues",
            vmin=-largest if signed else 0.0,
            vmax=largest,
        )
        axes.set_xticks(range(len(after)), map(label, after), rotation=90)
        axes.set_yticks(range(len(before)), map(label, before))
        axes.tick_params(length=0, top=True, labeltop=True, bottom=False, labelbottom=False)
        axes.set_ylabel("tag")
        axes.set_title("next tag", loc="center")
        numbered = max(values.shape) <= MOST_NUMBERED
        for (row, column), value in np.ndenumerate(values):
            if np.isnan(value):
                axes.text(column, row, "·", ha="center", va="center", color=FAINT)
            elif numbered and (signed or value >= UNWRITTEN):
                colour = "white" if abs(value) > 0.6 * largest else INK
                text = f"{value:z.1f}" if signed else f"{value:.2f}".lstrip("0")
                axes.text(column, row, text, ha="center", va="center", color=colour, fontsize=7)
        bar = figure.colorbar(squares, shrink=0.6, aspect=30)
        bar.outline.set_visible(False)
        bar.set_label(meaning)
