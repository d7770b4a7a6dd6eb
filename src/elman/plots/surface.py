"""An error surface over two weights, with paths of descent across it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from elman.plots.style import label, line_colour, picture


def error_surface(
    first: Float[np.ndarray, " columns"],
    second: Float[np.ndarray, " rows"],
    errors: Float[np.ndarray, "rows columns"],
    paths: Mapping[str, Float[np.ndarray, "steps 3"]],
    path: Path,
    *,
    names: tuple[str, str] = ("w", "b"),
) -> None:
    """Draw a surface from the side and from above, and paths of descent on both.

    Args:
        first: values of the first weight.
        second: values of the second weight.
        errors: the error at each pair.
        paths: by label, the first weight, the second weight and the error after each step. They
            may leave the grid.
        path: the PNG file to write.
        names: of the two weights.
    """
    with picture(path, 11.0, 4.8) as figure:
        side = figure.add_subplot(1, 2, 1, projection="3d")
        above = figure.add_subplot(1, 2, 2)
        grid = np.meshgrid(first, second)
        side.plot_surface(*grid, errors, cmap="Greys", alpha=0.55, linewidth=0, rcount=120,
                          ccount=120)  # fmt: skip
        shades = above.contourf(*grid, errors, levels=24, cmap="Greys", alpha=0.8)
        figure.colorbar(shades, ax=above, label="error")
        for index, (name, steps) in enumerate(paths.items()):
            look: dict[str, Any] = {"marker": ".", "linewidth": 1.0, "color": line_colour(index)}
            inside = (first[0] <= steps[:, 0]) & (steps[:, 0] <= first[-1])
            inside &= (second[0] <= steps[:, 1]) & (steps[:, 1] <= second[-1])
            side.plot(*np.where(inside[:, None], steps, np.nan).T, zorder=5, **look)
            above.plot(*steps[:, :2].T, label=label(name), zorder=5, **look)
        above.set_xlim(first[0], first[-1])
        above.set_ylim(second[0], second[-1])
        side.view_init(elev=35, azim=-60)
        side.set_zlabel("error")
        for axes in (side, above):
            axes.set_xlabel(names[0])
            axes.set_ylabel(names[1])
        above.legend(loc="best", frameon=True)
