"""What single units say while a network reads a text."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from elman.plots.shaded_text import shaded_text

if TYPE_CHECKING:
    import matplotlib.colors


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
    levels = np.ma.masked_invalid((np.clip(activations, -1.0, 1.0) + 1.0) / 2.0)
    shaded_text(tokens, levels, labels, _colours(), ("-1", "1"), path, columns=columns, gap=gap)


def _colours() -> "matplotlib.colors.Colormap":
    """Blue, white and orange, all light enough for dark letters; grey for not a number."""
    from matplotlib.colors import LinearSegmentedColormap

    ends = ["#5b9bd5", "#ffffff", "#f0935a"]
    return LinearSegmentedColormap.from_list("activation", ends).with_extremes(bad="#c4c7cc")
