"""What single units say while a network reads a text."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from jaxtyping import Float

from elman.plots.style import drawable, label, picture

if TYPE_CHECKING:
    import matplotlib.axes
    import matplotlib.colors

FONT = "DejaVu Sans Mono"
FONT_SIZE = 8.5  # points
COLUMN_WIDTH = 0.602 * FONT_SIZE / 72  # inches: this font's advance is 0.602 of its size
ROW_HEIGHT = 1.75 * FONT_SIZE / 72  # inches
TITLE_HEIGHT = 0.36  # inches
MARGIN = 0.15  # inches
LARGEST_HEIGHT = 400.0  # inches: beyond it Agg cannot draw at this resolution
TITLE_WIDTH = 0.1  # inches a character, at most
KEY_WIDTH, KEY_HEIGHT = 1.2, 0.3  # inches
NEWLINE_MARK = "↵"


class _Place(NamedTuple):
    """What is shown of a token, and where on the page, in rows and columns of characters."""

    text: str
    row: int
    column: int


def unit_activations(
    tokens: Sequence[str],
    activations: Float[np.ndarray, "time units"],
    labels: Sequence[str],
    path: Path,
    *,
    columns: int = 80,
    gap: int = 0,
) -> None:
    """Lay a text out once for each unit, every token coloured by the unit's activation.

    Activations from -1 to 1 go from blue over white to orange; those beyond have the end's
    colour, those that are not numbers are grey. A newline is shown as a mark and ends the row.

    Args:
        tokens: the text, character by character or word by word.
        activations: of each unit at each token.
        labels: title of each unit's picture.
        path: the PNG file to write.
        columns: characters a row, at least 1; the end of a longer token is left out.
        gap: blank columns between tokens: 1 for words, 0 where tokens hold their own spaces.

    Raises:
        ValueError: if there is no token or no unit, the sizes do not agree, or the picture
            would be too tall to be written.

    Reference:
        Karpathy, Johnson & Fei-Fei 2015, "Visualizing and Understanding Recurrent Networks",
        section 4.2.
    """
    if not tokens or not labels or activations.shape != (len(tokens), len(labels)):
        raise ValueError(
            f"Activations must be [{len(tokens)} tokens, {len(labels)} labels] with at least "
            f"one of each, got {list(activations.shape)}."
        )
    places = _layout([_shown(token, columns) for token in tokens], columns, gap)
    panel = TITLE_HEIGHT + ROW_HEIGHT * (1 + places[-1].row)
    extent = max(place.column + len(place.text) for place in places) * COLUMN_WIDTH
    height = 2 * MARGIN + panel * len(labels) + KEY_HEIGHT
    if height > LARGEST_HEIGHT:
        raise ValueError(
            f"{len(labels)} units over {1 + places[-1].row} rows of text make a picture "
            f"{height:.0f} inches tall, at most {LARGEST_HEIGHT:.0f} can be drawn: pass fewer "
            "units or a shorter text."
        )
    title_extent = TITLE_WIDTH * max(len(title) for title in labels)
    width = 2 * MARGIN + max(extent, title_extent, 2 * KEY_WIDTH)
    with picture(path, width, height) as figure:
        figure.set_layout_engine("none")
        axes = figure.add_axes((0.0, 0.0, 1.0, 1.0), xlim=(0.0, width), ylim=(height, 0.0))
        axes.set_axis_off()  # every coordinate below is in inches from the upper left corner
        colours = _colours()
        _draw_key(axes, colours, width - MARGIN, height - MARGIN)
        for unit, title in enumerate(labels):
            top = MARGIN + panel * unit
            axes.text(MARGIN, top + 0.27, label(title), fontsize=10, fontweight="bold")
            _draw_text(axes, places, colours(_level(activations[:, unit])), top + TITLE_HEIGHT)


def _shown(token: str, columns: int) -> str:
    """Show a token in at most `columns` characters of the font, newlines as marks."""
    return drawable(token.replace("\n", NEWLINE_MARK), FONT)[:columns]


def _layout(texts: Sequence[str], columns: int, gap: int) -> list[_Place]:
    """Place tokens from left to right and top to bottom; none is broken over two rows."""
    places = []
    row = column = 0
    for text in texts:
        if column + len(text) > columns and column > 0:
            row, column = row + 1, 0
        places.append(_Place(text, row, column))
        column += len(text) + gap
        if text.endswith(NEWLINE_MARK):
            row, column = row + 1, 0
    return places


def _colours() -> "matplotlib.colors.Colormap":
    """Blue, white and orange, all light enough for dark letters; grey for not a number."""
    from matplotlib.colors import LinearSegmentedColormap

    ends = ["#5b9bd5", "#ffffff", "#f0935a"]
    return LinearSegmentedColormap.from_list("activation", ends).with_extremes(bad="#c4c7cc")


def _level(activations: Float[np.ndarray, " time"]) -> Float[np.ndarray, " time"]:
    """Map -1..1 to 0..1, masking what is not a number."""
    return np.ma.masked_invalid((np.clip(activations, -1.0, 1.0) + 1.0) / 2.0)


def _draw_text(
    axes: "matplotlib.axes.Axes",
    places: Sequence[_Place],
    colours: Float[np.ndarray, "time 4"],
    top: float,
) -> None:
    """Draw every token on a box of its colour."""
    from matplotlib.collections import PatchCollection
    from matplotlib.patches import Rectangle

    boxes = []
    for text, row, column in places:
        left, upper = MARGIN + column * COLUMN_WIDTH, top + row * ROW_HEIGHT
        width = len(text) * COLUMN_WIDTH
        boxes.append(Rectangle((left, upper), width, ROW_HEIGHT))
        if text.strip():
            axes.text(
                left + width / 2,
                upper + 0.7 * ROW_HEIGHT,
                text.replace("$", r"\$"),
                family=FONT,
                fontsize=FONT_SIZE,
                horizontalalignment="center",
            )
    axes.add_collection(PatchCollection(boxes, facecolors=colours, edgecolors="none"))


def _draw_key(
    axes: "matplotlib.axes.Axes", colours: "matplotlib.colors.Colormap", right: float, bottom: float
) -> None:
    """Draw the scale of colours into the lower right corner."""
    right = right - 0.15  # room for the number
    axes.imshow(
        np.linspace(0.0, 1.0, 256)[None],
        cmap=colours,
        extent=(right - KEY_WIDTH, right, bottom, bottom - 0.14),
        aspect="auto",
    )
    for x, side, value in ((right - KEY_WIDTH - 0.05, "right", -1), (right + 0.05, "left", 1)):
        axes.text(x, bottom - 0.02, f"{value}", fontsize=8, horizontalalignment=side)
