"""The look that all pictures share, and how one is written."""

import math
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from jaxtyping import Float

if TYPE_CHECKING:
    import matplotlib.figure

# The heights of a line, from left to right.
Series: TypeAlias = Sequence[float] | Float[np.ndarray, " _"]

DOTS_PER_INCH = 150
INK = "#30343b"
FAINT = "#8a9099"
# Told apart by people who confuse red and green, and in grey print.
COLOURS = ("#2f6db5", "#d9712b", "#2a9076", "#a8488c", "#8a7420", "#6c6f78")
MISSING_GLYPH = "□"
FEW_POINTS = 40

STYLE: dict[Any, Any] = {
    "font.family": ["DejaVu Sans"],
    "font.size": 10,
    "text.usetex": False,
    "text.color": INK,
    "axes.edgecolor": FAINT,
    "axes.labelcolor": INK,
    "axes.titlesize": 11,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#e6e8eb",
    "grid.linewidth": 0.8,
    "xtick.color": FAINT,
    "ytick.color": FAINT,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "lines.linewidth": 1.6,
    "lines.markersize": 4,
    "legend.frameon": False,
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
}


@contextmanager
def picture(path: Path, width: float, height: float) -> Iterator["matplotlib.figure.Figure"]:
    """Give a figure to draw on, then write it whole or not at all.

    Args:
        path: the PNG file; its folder is made if need be.
        width: of the picture, inches.
        height: of the picture, inches.

    Yields:
        An empty figure in the shared style.
    """
    import matplotlib
    from matplotlib.figure import Figure

    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(width, height), dpi=DOTS_PER_INCH, layout="constrained")
        yield figure
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}.{os.getpid()}")
        try:
            figure.savefig(temporary, format="png", dpi=DOTS_PER_INCH)
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)


def line_colour(index: int) -> str:
    """Choose the colour of a series.

    Args:
        index: place of the series, from 0.

    Returns:
        A colour; after the last one they start again.
    """
    return COLOURS[index % len(COLOURS)]


def marker(values: Sequence[float]) -> str | None:
    """Choose the marks of a line.

    Args:
        values: the heights of its points.

    Returns:
        Dots if there are few points, or one alone between gaps, which would have no line.
    """
    finite = [False, *(math.isfinite(value) for value in values), False]
    lonely = any(
        here and not before and not after
        for before, here, after in zip(finite, finite[1:], finite[2:], strict=False)
    )
    return "o" if lonely or len(values) <= FEW_POINTS else None


def label(text: str) -> str:
    """Make any text safe as a label.

    Args:
        text: any text, such as the name of a file.

    Returns:
        One line of characters that the font has, with nothing that starts a formula. A leading
        underscore, which would hide it from a legend, has a space before it.
    """
    line = drawable(" ".join(text.split())).replace("$", r"\$")
    return f" {line}" if line.startswith("_") else line


def drawable(text: str, family: str = "DejaVu Sans") -> str:
    """Replace the characters that a font has no glyph for.

    Args:
        text: any text.
        family: the font it will be drawn in.

    Returns:
        Text of the same length with a box for each missing glyph.
    """
    known = _glyphs(family)
    return "".join(character if ord(character) in known else MISSING_GLYPH for character in text)


@cache
def _glyphs(family: str) -> frozenset[int]:
    """Code points of the printable characters in a font."""
    from matplotlib.font_manager import findfont, get_font

    return frozenset(code for code in get_font(findfont(family)).get_charmap() if code >= ord(" "))
