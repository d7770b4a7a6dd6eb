"""A text laid out on a page, every token on a box of its own colour."""

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


class Place(NamedTuple):
    """What is shown of a token, and where on the page, in rows and columns of characters."""

    text: str
    row: int
    column: int


def shaded_text(
    tokens: Sequence[str],
    levels: Float[np.ndarray, "time panels"],
    titles: Sequence[str],
    colours: "matplotlib.colors.Colormap",
    ends: tuple[str, str],
    path: Path,
    *,
    columns: int,
    gap: int,
) -> None:
    """Lay a text out once for each panel, every token on a box of its colour.

    A newline is shown as a mark and ends the row.

    Args:
        tokens: the text, character by character or word by word; at least one.
        levels: where in the colours each token stands in each panel, from 0 to 1; those that are
            masked have the colour for it.
        titles: of the panels, at least one.
        colours: light enough for dark letters.
        ends: what levels 0 and 1 stand for, written beside the key.
        path: the PNG file to write.
        columns: characters a row, at least 1; the end of a longer token is left out.
        gap: blank columns between tokens.

    Raises:
        ValueError: if the picture would be too tall to be written.
    """
    places = layout([_shown(token, columns) for token in tokens], columns, gap)
    panel = TITLE_HEIGHT + ROW_HEIGHT * (1 + places[-1].row)
    extent = max(place.column + len(place.text) for place in places) * COLUMN_WIDTH
    height = 2 * MARGIN + panel * len(titles) + KEY_HEIGHT
    if height > LARGEST_HEIGHT:
        raise ValueError(
            f"{1 + places[-1].row} rows of text, drawn {len(titles)} times, make a picture "
            f"{height:.0f} inches tall, at most {LARGEST_HEIGHT:.0f} can be drawn: pass a "
            "shorter text, or less to draw it for."
        )
    title_extent = TITLE_WIDTH * max(len(title) for title in titles)
    width = 2 * MARGIN + max(extent, title_extent, 2 * KEY_WIDTH)
    with picture(path, width, height) as figure:
        figure.set_layout_engine("none")
        axes = figure.add_axes((0.0, 0.0, 1.0, 1.0), xlim=(0.0, width), ylim=(height, 0.0))
        axes.set_axis_off()  # every coordinate below is in inches from the upper left corner
        _draw_key(axes, colours, ends, width - MARGIN, height - MARGIN)
        for index, title in enumerate(titles):
            top = MARGIN + panel * index
            axes.text(MARGIN, top + 0.27, label(title), fontsize=10, fontweight="bold")
            _draw_text(axes, places, colours(levels[:, index]), top + TITLE_HEIGHT)


def _shown(token: str, columns: int) -> str:
    """Show a token in at most `columns` characters of the font, newlines as marks."""
    return drawable(token.replace("\n", NEWLINE_MARK), FONT)[:columns]


def layout(texts: Sequence[str], columns: int, gap: int) -> list[Place]:
    """Place tokens from left to right and top to bottom; none is broken over two rows.

    Args:
        texts: what is shown of the tokens.
        columns: characters a row.
        gap: blank columns between tokens.

    Returns:
        A place a token.
    """
    places = []
    row = column = 0
    for text in texts:
        if column + len(text) > columns and column > 0:
            row, column = row + 1, 0
        places.append(Place(text, row, column))
        column += len(text) + gap
        if text.endswith(NEWLINE_MARK):
            row, column = row + 1, 0
    return places


def _draw_text(
    axes: "matplotlib.axes.Axes",
    places: Sequence[Place],
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
    axes: "matplotlib.axes.Axes",
    colours: "matplotlib.colors.Colormap",
    ends: tuple[str, str],
    right: float,
    bottom: float,
) -> None:
    """Draw the scale of colours into the lower right corner."""
    right = right - 0.15 - 0.06 * (len(ends[1]) - 1)  # room for what stands beside it
    axes.imshow(
        np.linspace(0.0, 1.0, 256)[None],
        cmap=colours,
        extent=(right - KEY_WIDTH, right, bottom, bottom - 0.14),
        aspect="auto",
    )
    for x, side, text in (
        (right - KEY_WIDTH - 0.05, "right", ends[0]),
        (right + 0.05, "left", ends[1]),
    ):
        axes.text(x, bottom - 0.02, text, fontsize=8, horizontalalignment=side)
