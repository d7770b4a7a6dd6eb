"""Where a decoder looked while it wrote."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float

from elman.plots.style import label, picture

CELL = 0.24  # inches
CHARACTER = 0.085  # inches
MARGIN = 0.6  # inches


def alignment(
    source: Sequence[str],
    target: Sequence[str],
    weights: Float[np.ndarray, "target source"],
    path: Path,
) -> None:
    """Draw the weights of attention, a row for each token written.

    Args:
        source: the tokens read.
        target: the tokens written.
        weights: from 0, white, to 1, dark.
        path: the PNG file to write.

    Raises:
        ValueError: if there is no token, or the sizes do not agree.

    Reference:
        Bahdanau, Cho & Bengio 2014, figure 3.
    """
    if not source or not target or weights.shape != (len(target), len(source)):
        raise ValueError(
            f"Weights must be [{len(target)} targets, {len(source)} sources] with at least one of "
            f"each, got {list(weights.shape)}."
        )
    width = CELL * len(source) + CHARACTER * max(map(len, target)) + MARGIN
    height = CELL * len(target) + CHARACTER * max(map(len, source)) + MARGIN
    with picture(path, width, height) as figure:
        axes = figure.add_subplot()
        axes.imshow(weights, cmap="Blues", vmin=0.0, vmax=1.0, aspect="equal")
        axes.grid(visible=False)
        axes.xaxis.tick_top()
        axes.set_xticks(range(len(source)), [label(token) for token in source])
        for shown, token in zip(axes.get_xticklabels(), source, strict=True):
            shown.set_rotation(90 if len(token) > 1 else 0)  # a letter stands upright
        axes.set_yticks(range(len(target)), [label(token) for token in target])
        axes.tick_params(length=0)
