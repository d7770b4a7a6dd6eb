"""Where a network looked in a text."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from jaxtyping import Float

from elman.plots.shaded_text import COLUMN_WIDTH, FONT, FONT_SIZE, MARGIN, ROW_HEIGHT, Place, layout
from elman.plots.style import drawable, label, picture

if TYPE_CHECKING:
    import matplotlib.axes

TITLE_HEIGHT = 0.32  # inches
GAP = 0.14  # inches between texts
COLUMNS = 90
"""Characters of a line."""
DARKEST = 0.5
"""Place in the scale of colours of the largest weight, on which black letters can be read."""


class AttendedText(NamedTuple):
    """A text and where the network looked in it.

    Args:
        title: what is said of the text, such as its class.
        words: its words.
        weights: the share of each word.
    """

    title: str
    words: Sequence[str]
    weights: Float[np.ndarray, " words"]


def attention_over_words(texts: Sequence[AttendedText], path: Path, *, gap: int = 1) -> None:
    """Write texts out, each word on a ground the darker the more the network looked at it.

    The darkest ground of each text is that of its largest weight, which the title states.

    Args:
        texts: at least one, with at least one word each.
        path: the PNG file to write.
        gap: blank columns between words; 0 for characters.

    Raises:
        ValueError: if there is no text, or one without words, or with another number of weights.
    """
    if not texts or any(not text.words or len(text.words) != len(text.weights) for text in texts):
        raise ValueError("Attention needs texts of at least one word, with a weight each.")
    laid_out = [
        layout([drawable(word, FONT)[:COLUMNS] for word in text.words], COLUMNS, gap)
        for text in texts
    ]
    heights = [TITLE_HEIGHT + ROW_HEIGHT * (places[-1].row + 1) + GAP for places in laid_out]
    width, height = 2 * MARGIN + COLUMN_WIDTH * COLUMNS, 2 * MARGIN + sum(heights)
    with picture(path, width, height) as figure:
        figure.set_layout_engine("none")
        axes = figure.add_axes((0.0, 0.0, 1.0, 1.0), xlim=(0.0, width), ylim=(height, 0.0))
        axes.set_axis_off()  # every coordinate below is in inches from the upper left corner
        tops = MARGIN + np.cumsum([0.0, *heights])
        for text, places, top in zip(texts, laid_out, tops.tolist(), strict=False):
            _draw(axes, text, places, top)


def _draw(
    axes: "matplotlib.axes.Axes", text: AttendedText, places: Sequence[Place], top: float
) -> None:
    """Draw a title, and the words on boxes of their colours."""
    from matplotlib import colormaps
    from matplotlib.patches import Rectangle

    most = float(text.weights.max())
    title = label(f"{text.title} · largest weight {most:.2f}")
    axes.text(MARGIN, top + 0.22, title, fontsize=9.5, fontweight="bold")
    for (word, row, column), weight in zip(places, text.weights.tolist(), strict=True):
        left, upper = MARGIN + COLUMN_WIDTH * column, top + TITLE_HEIGHT + ROW_HEIGHT * row
        extent = COLUMN_WIDTH * len(word)
        colour = colormaps["Oranges"](DARKEST * weight / most if most else 0.0)
        axes.add_patch(Rectangle((left, upper), extent, 0.92 * ROW_HEIGHT, color=colour, lw=0))
        axes.text(
            left + extent / 2,
            upper + 0.66 * ROW_HEIGHT,
            word.replace("$", r"\$"),
            family=FONT,
            fontsize=FONT_SIZE,
            horizontalalignment="center",
        )
